"""Bar 18: whatever happens to snapshots, the newest whole one loads, and one metric says so."""

import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import REGISTRY

from service.learn import snapshot
from service.learn.snapshot import KEPT, SnapshotFailed, Snapshots
from tests.faults.saver import arrays
from tests.faults.sizes import say, size

SAVER = Path(__file__).parent / "saver.py"
ROOT = Path(__file__).parents[2]
SEED = 20261126
KILOBYTES = 4_096
ENDLESS = 1_000_000


def saver(folder: Path, *words: object, wrap: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*wrap, sys.executable, str(SAVER), str(folder), *map(str, words)],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def save(folder: Path, *numbers: int) -> list[Path]:
    """Snapshots of these numbers, and their files."""
    for number in numbers:
        Snapshots(folder).save(
            arrays(number, 16), {"number": number}, term=1, place=f"{number}-0", mark=""
        )
    return sorted(folder.glob("*.snapshot"))


def loaded(folder: Path) -> int:
    """The number that the newest one has, in every place of it."""
    found = Snapshots(folder).load()
    assert found is not None
    header, parts = found
    number = int(header.about["number"])
    assert f"{number}-0" == header.place
    assert {number} == {int(value) for part in parts.values() for value in np.unique(part)}
    return number


def counted(name: str) -> float:
    return REGISTRY.get_sample_value(f"echotune_snapshots_{name}_total") or 0.0


def flip(path: Path, at: int) -> None:
    """One bit."""
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ("mount", "-t", "tmpfs", "-o", "size=2M", "tmpfs", str(folder))
    if (
        shutil.which("mount") is None
        or subprocess.run(mount, check=False, capture_output=True).returncode
    ):
        pytest.skip("a small disk cannot be mounted here: it takes root")
    yield folder
    subprocess.run(("umount", str(folder)), check=True)


def test_whenever_it_is_killed_the_newest_one_that_was_said_to_be_safe_is_there(
    tmp_path: Path,
) -> None:
    draw, kills = random.Random(SEED), size(10, 200)
    torn = 0
    for _ in range(kills):
        with saver(tmp_path, ENDLESS, KILOBYTES) as child:
            assert child.stdout is not None
            first = child.stdout.readline()
            time.sleep(draw.uniform(0, 0.1))
            child.kill()
            said = [int(line.split()[1]) for line in (first + child.stdout.read()).splitlines()]
        torn += any(tmp_path.glob(".*.tmp"))

        assert said[-1] <= loaded(tmp_path) <= said[-1] + 1
        assert not list(tmp_path.glob(".*.tmp"))
        assert len(list(tmp_path.glob("*.snapshot"))) <= KEPT + 1
    say(f"{kills} kill -9, {torn} in the middle of a file: the newest safe one loaded each time")
    assert torn


@pytest.mark.parametrize("place", ["start", "checksum", "header", "array", "end"])
def test_one_flipped_bit_and_the_one_before_loads(tmp_path: Path, place: str) -> None:
    *_, newest = save(tmp_path, 1, 2, 3)
    length, before = newest.stat().st_size, counted("refused")
    at = {"start": 2, "checksum": 20, "header": 60, "array": length // 2, "end": length - 1}
    flip(newest, at[place])

    assert 2 == loaded(tmp_path)
    assert before + 1 == counted("refused")


def test_the_control_without_a_checksum_loads_the_flipped_one(tmp_path: Path, monkeypatch) -> None:
    """Or the test above could not see anything."""
    *_, newest = save(tmp_path, 1, 2, 3)
    flip(newest, newest.stat().st_size // 2)
    monkeypatch.setattr(snapshot, "_whole", lambda _: True)

    found = Snapshots(tmp_path).load()

    assert found is not None
    assert 3 == found[0].about["number"]
    assert 2 == len(np.unique(found[1]["all"]))  # what nobody has ever learned


def test_a_file_of_any_shorter_length_is_left_out(tmp_path: Path) -> None:
    *_, newest = save(tmp_path, 1, 2)
    whole = newest.read_bytes()
    for length in (0, 5, 41, 45, 200, len(whole) // 2, len(whole) - 1):
        newest.write_bytes(whole[:length])

        assert 1 == loaded(tmp_path)
    newest.write_bytes(whole + b"\0")
    assert 1 == loaded(tmp_path)


def test_two_that_were_swapped_say_themselves_which_is_newer(tmp_path: Path) -> None:
    one, other = save(tmp_path, 1, 2)
    aside = one.with_name("aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)

    assert 2 == loaded(tmp_path)


def test_when_none_is_whole_there_is_none_and_nothing_crashes(tmp_path: Path) -> None:
    for path in save(tmp_path, 1, 2):
        flip(path, -1)
    (tmp_path / "9.snapshot").write_bytes(b"\x80\x04cposix\nsystem\n")  # a pickle
    (tmp_path / "8.snapshot").mkdir()

    assert Snapshots(tmp_path).load() is None
    assert Snapshots(tmp_path / "nowhere").load() is None


def test_a_late_one_of_an_earlier_lease_is_refused(tmp_path: Path) -> None:
    save(tmp_path, 1)
    Snapshots(tmp_path).save(arrays(2, 1), {"number": 2}, term=2, place="2-0", mark="")

    with pytest.raises(SnapshotFailed, match="too late"):
        save(tmp_path, 3)

    assert 2 == loaded(tmp_path)


def test_the_newest_few_are_kept_and_each_names_the_one_before(tmp_path: Path) -> None:
    paths = save(tmp_path, *range(1, KEPT + 4))

    assert KEPT == len(paths)
    heads = [snapshot._head(path) for path in paths]
    known = [head for head in heads if head is not None]
    assert KEPT == len(known)
    for (_, checksum), (header, _) in pairwise(known):
        assert checksum.hex() == header.parent


def test_a_full_disk_keeps_the_old_one_and_heals(disk: Path) -> None:
    """ENOSPC on a real file system."""
    save(disk, 1)
    before = counted("failed")

    with pytest.raises(SnapshotFailed, match="No space left"):
        Snapshots(disk).save(arrays(2, KILOBYTES), {"number": 2}, term=1, place="2-0", mark="")

    assert 1 == loaded(disk)
    assert before + 1 == counted("failed")
    save(disk, 3)
    assert 3 == loaded(disk)


def test_a_file_that_may_not_grow_keeps_the_old_one(tmp_path: Path) -> None:
    """EFBIG, where no disk can be mounted."""
    save(tmp_path, 1)
    with saver(tmp_path, 2, KILOBYTES, KILOBYTES // 2) as child:
        said, errors = child.communicate(timeout=60)

    assert 0 == child.returncode, errors.decode()[-2000:]
    assert [b"failed", b"failed"] == [line.split()[0] for line in said.splitlines()]
    assert 1 == loaded(tmp_path)


def test_a_failing_fsync_is_never_tried_again_on_the_same_file(tmp_path: Path) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed (apt install strace): a failing fsync")
    folder, trace = tmp_path / "snapshots", tmp_path / "trace"
    inject = "inject=fsync:error=EIO:when=3"
    wrap = (
        strace, "-f", "-qq", "-y", "-o", str(trace), "-e", "trace=openat,fsync", "-e", inject
    )  # fmt: skip
    with saver(folder, 3, 16, wrap=wrap) as child:
        said, errors = child.communicate(timeout=120)
    if b"ptrace" in errors:
        pytest.skip("strace may not trace here: a failing fsync cannot be injected")

    assert [b"saved", b"failed", b"saved"] == [line.split()[0] for line in said.splitlines()]
    calls = [line for line in trace.read_text().splitlines() if ".snapshot.tmp" in line]
    failed = next(number for number, line in enumerate(calls) if "EIO" in line)
    assert "openat" in calls[failed + 1]  # another file before the next fsync
    assert 3 == loaded(folder)
