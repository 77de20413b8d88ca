"""Saves snapshots one after the other and says which number is safe; killed by its parent.

`saver.py FOLDER ROUNDS KILOBYTES [LIMIT_KILOBYTES]`: at most so many kilobytes a file may have.
"""

import resource
import sys
from pathlib import Path

import numpy as np

from service.learn.snapshot import SnapshotFailed, Snapshots


def arrays(number: int, kilobytes: int) -> dict[str, np.ndarray]:
    """What belongs to a number: all of it says the number."""
    return {"all": np.full(kilobytes * 128, number, np.int64), "some": np.array([number])}


def main() -> None:
    folder, rounds, kilobytes = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    if len(sys.argv) > 4:
        most = int(sys.argv[4]) * 1024
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    snapshots = Snapshots(folder)
    known = snapshots.load()
    first = 0 if known is None else known[0].about["number"]
    for number in range(first + 1, first + 1 + rounds):
        try:
            snapshots.save(
                arrays(number, kilobytes), {"number": number}, term=1, place=f"{number}-0", mark=""
            )
        except SnapshotFailed as error:
            print(f"failed {number} {error}", flush=True)  # noqa: T201 - what the parent reads
        else:
            print(f"saved {number}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
