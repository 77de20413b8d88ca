"""Bar 32 over HTTP: a disk that is full or fails answers 503, loses nothing and heals by itself."""

import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.faults.serving import Service, fill, shed
from tests.faults.sizes import say, size
from tests.faults.test_kill_server import listens_of

SMALL, LARGE = "4M", "64M"
BATCH = 500
AFTER_FULL = size(5, 50)
HEALS_S = 20.0
UNLIMITED = {"ECHOTUNE_USER_LISTENS_PER_MINUTE": "0", "ECHOTUNE_SOURCE_LISTENS_PER_MINUTE": "0"}


class Eager(Service):
    """A server that answers before what it was given is on the disk."""

    command = (
        "-c",
        (
            "import sys; from service.store import group_commit as g\n"
            "def early(connection, work, future):\n"
            "    connection.execute('BEGIN IMMEDIATE')\n"
            "    future.set_result(work(connection))\n"
            "    connection.execute('COMMIT')\n"
            "g._commit_alone = early\n"
            "from service.cli import main; sys.exit(main())"
        ),
    )


@pytest.fixture
def disk(tmp_path: Path, kernels: Path) -> Iterator[Path]:
    """A small disk to serve from."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ("mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", str(folder))
    if (
        shutil.which("mount") is None
        or subprocess.run(mount, check=False, capture_output=True).returncode
    ):
        pytest.skip("a small disk cannot be mounted here: it takes root")
    (folder / "kernels").symlink_to(kernels)
    yield folder
    subprocess.run(("umount", "--lazy", str(folder)), check=True)


class Sender:
    """Sends batches of one user; knows which ids were acknowledged and what else was said."""

    def __init__(self, service: Service) -> None:
        self._service, self._number = service, 0
        self.acked = list[str]()
        self.said: Counter[tuple[int, str]] = Counter()

    def send(self, many: int = BATCH) -> int:
        self._number += 1
        batch: list[dict[str, Any]] = [
            {"id": f"f{self._number}-{n}", "user_id": "filler", "track_id": "jazz00"}
            for n in range(many)
        ]
        while shed(answer := self._service.post("/v1/listens", batch)):
            time.sleep(0.2)
        if answer.status_code == 202:
            self.acked += [one["id"] for one in batch]
        self.said[answer.status_code, str(answer.json().get("type", ""))[-17:]] += 1
        return answer.status_code

    def until(self, status: int, *, many: int = BATCH, seconds: float) -> None:
        """Send until that is the answer."""
        end = time.monotonic() + seconds
        while self.send(many) != status:
            assert time.monotonic() < end, f"never {status}: {self.said}"

    def lost(self) -> list[str]:
        """What was acknowledged and is not there exactly once."""
        found = listens_of(self._service, "filler")
        return [one for one in self.acked if found[one] != 1]


def filled_and_healed(service: Service, disk: Path) -> list[str]:
    """What was lost: the disk is filled, stays full for a while, and grows."""
    with service:
        fill(service)
        sender = Sender(service)
        worker = service.workers()
        sender.until(503, seconds=120)
        full = time.monotonic()
        for _ in range(AFTER_FULL):
            sender.send()
            assert 200 == read(service).status_code  # who reads does not notice
        remount = ("mount", "-o", f"remount,size={LARGE}", str(disk))
        subprocess.run(remount, check=True)
        grown = time.monotonic()
        sender.until(202, seconds=HEALS_S)
        healed_s = time.monotonic() - grown
        for _ in range(5):
            sender.send()
        lost = sender.lost()
        say(
            f"{type(service).__name__}: {len(sender.acked)} acknowledged, full for"
            f" {grown - full:.1f} s, healed {healed_s:.2f} s after, lost {len(lost)};"
            f" {dict(sender.said)}"
        )
        assert worker == service.workers(), "it was started again"
        return lost


def test_a_full_disk_is_503_and_nothing_acknowledged_is_lost(disk: Path) -> None:
    assert [] == filled_and_healed(Service(disk, env=UNLIMITED), disk)


def test_who_answers_before_the_disk_does_loses(disk: Path) -> None:
    """The control."""
    assert filled_and_healed(Eager(disk, env=UNLIMITED), disk)


def read(service: Service) -> httpx.Response:
    """A list, as whoever only reads asks for it."""
    url = f"{service.url}/v1/users/jazz-u0/recommendations"
    while shed(answer := httpx.get(url, timeout=10)):
        time.sleep(0.2)
    return answer


@contextmanager
def failing_fsync(pid: int, trace: Path) -> Iterator[None]:
    """Every sync of this process answers EIO."""
    inject = "inject=fsync,fdatasync:error=EIO"
    command = ("strace", "-f", "-qq", "-o", str(trace), "-p", str(pid))
    with subprocess.Popen([*command, "-e", "trace=fsync,fdatasync", "-e", inject]) as strace:
        time.sleep(0.5)
        if strace.poll() is not None:
            pytest.skip("strace may not trace here: a failing fsync cannot be injected")
        try:
            yield
        finally:
            os.kill(strace.pid, signal.SIGINT)


@pytest.mark.skipif(shutil.which("strace") is None, reason="no strace: apt-get install strace")
def test_a_disk_that_cannot_sync_is_503_and_nothing_acknowledged_is_lost(
    data: Path, tmp_path: Path
) -> None:
    with Service(data, env=UNLIMITED) as service:
        fill(service)
        sender = Sender(service)
        (worker,) = service.workers()
        assert 202 == sender.send(10)
        trace = tmp_path / "trace"
        with failing_fsync(worker, trace):
            failing = {sender.send(10) for _ in range(size(5, 50))}
            assert 200 == read(service).status_code
        sender.until(202, many=10, seconds=HEALS_S)
        say(f"EIO {trace.read_text().count('EIO')} times: {dict(sender.said)}")

        assert {503} == failing
        assert "EIO" in trace.read_text()
        assert [] == sender.lost()
        assert [worker] == service.workers()
