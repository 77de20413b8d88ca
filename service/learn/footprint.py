"""What a piece of work takes: seconds, and memory at its peak."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

from msgspec import Struct

FORGET_PEAK = "5"  # proc(5): resets VmHWM, the peak of the resident set
ABOUT = Path("/proc/self")


class Footprint(Struct):
    """Filled when the work is done. The peak is of the whole process; None where it is not told."""

    seconds: float = 0.0
    peak_mb: float | None = None


@contextmanager
def measured() -> Iterator[Footprint]:
    """Measure what is done inside. One at a time: the peak starts anew with each."""
    found, start = Footprint(), perf_counter()
    told = _forget_peak()
    yield found
    found.seconds = round(perf_counter() - start, 2)
    found.peak_mb = _peak_mb() if told else None


def _forget_peak() -> bool:
    try:
        (ABOUT / "clear_refs").write_text(FORGET_PEAK, encoding="ascii")
    except OSError:  # not Linux, or not allowed in this container
        return False
    return True


def _peak_mb() -> float:
    lines = (ABOUT / "status").read_text(encoding="ascii").splitlines()
    kilobytes = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    return round(kilobytes / 1024, 1)
