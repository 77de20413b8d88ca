"""D3: for every listen that is answered 202 the disk has said yes before the answer is written.

Watched by strace in the process that serves: the id goes into the log of SQLite, fdatasync of that
file returns, and only then do the bytes of the answer leave. No power cut is needed to see it.
"""

import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from msgspec import Struct

from tests.faults.deliveries import TRACK_BODIES
from tests.faults.serving import ROOT, Service
from tests.faults.sizes import say, size

LISTENS = size(50, 2_000)
ATTACH_S = 10.0
CALL = re.compile(r"^(?P<pid>\d+) +(?P<at>[\d.]+) (?P<rest>.*)$")
RESUMED = re.compile(r"^<\.\.\. (?P<name>\w+) resumed>")
NAMED = re.compile(r"^(?P<name>\w+)\((?P<fd>\d+)")
ID = re.compile(r"order(\d{6})z")
ANSWER = "HTTP/1.1 202"
WRITES = ("pwrite64", "pwritev", "write", "writev")
SENDS = ("sendto", "sendmsg", "write", "writev")
SYNCS = ("fdatasync", "fsync")
HELD = ("pwrite64", "pwritev", *SYNCS)


class Unsynced(Service):
    """A service whose store does not wait for the disk."""

    command = (
        "-c",
        (
            "import sys; from service.store.sqlite import SqliteStore;"
            "connect = SqliteStore._connect_to_write\n"
            "def hasty(self):\n"
            "    connection = connect(self)\n"
            "    connection.execute('PRAGMA synchronous = OFF')\n"
            "    return connection\n"
            "SqliteStore._connect_to_write = hasty\n"
            "from service.cli import main; sys.exit(main())"
        ),
    )


class Call(Struct):
    """One system call that returned."""

    number: int  # of its line
    name: str
    file: int
    text: str


def test_the_disk_says_yes_before_the_answer_leaves(data: Path, tmp_path: Path) -> None:
    calls = watched(Service, data, tmp_path)
    answered, early = judged(calls)
    say(f"{answered} answers, {early} of them before the disk had said yes")

    assert (LISTENS, 0) == (answered, early)


def test_the_control_answers_first(data: Path, tmp_path: Path) -> None:
    answered, early = judged(watched(Unsynced, data, tmp_path))

    assert (LISTENS, LISTENS) == (answered, early)


def judged(calls: list[Call]) -> tuple[int, int]:
    """How many answers were seen, and how many left before their listen was synced."""
    written: dict[str, Call] = {}
    synced: dict[str, int] = {}
    waiting: dict[int, set[str]] = {}
    answered = early = 0
    for call in calls:
        if call.name in SYNCS:
            for listen_id in waiting.pop(call.file, set()):
                synced.setdefault(listen_id, call.number)
        elif call.name in SENDS and ANSWER in call.text:
            early += f"{answered:06}" not in synced
            answered += 1
        elif call.name in WRITES:
            for listen_id in ID.findall(call.text):
                written.setdefault(listen_id, call)
                waiting.setdefault(call.file, set()).add(listen_id)
    return answered, early


def watched(kind: type[Service], data: Path, folder: Path) -> list[Call]:
    """The calls of a service while it was sent listens, one after the other."""
    trace = folder / "trace"
    with kind(data, env={"PYTHONPATH": str(ROOT)}) as service:
        assert 200 == service.put("/v1/tracks", TRACK_BODIES).status_code
        with traced(service.workers()[0], trace), httpx.Client(base_url=service.url) as client:
            for number in range(LISTENS):
                listen = {"user_id": "u1", "track_id": "t1", "id": f"order{number:06}z"}
                assert 202 == client.post("/v1/listens", json=listen).status_code
    return list(parsed(trace))


@contextmanager
def traced(pid: int, trace: Path) -> Iterator[None]:
    """strace on a running process and all its threads; a skip where there is none."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: apt-get install strace")
    names = ",".join(sorted({*WRITES, *SENDS, *SYNCS}))
    command = ["strace", "-f", "-ttt", "-s", "65536", "-o", str(trace), "-e", f"trace={names}"]
    with subprocess.Popen(
        [*command, "-p", str(pid)], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
    ) as tracer:
        assert tracer.stderr is not None
        until = time.monotonic() + ATTACH_S
        line = tracer.stderr.readline()
        while b"attached" not in line and line and time.monotonic() < until:
            line = tracer.stderr.readline()
        if b"attached" not in line:
            tracer.kill()
            pytest.skip(f"this user may not trace processes: {line.decode()}")
        time.sleep(0.2)  # the threads are attached one after the other
        yield
        tracer.send_signal(signal.SIGINT)
        tracer.stderr.read()


def parsed(trace: Path) -> Iterator[Call]:
    """Calls in order: what goes to the disk by when it returned, what is sent by when it began."""
    begun: dict[str, Call] = {}
    for number, line in enumerate(trace.read_text(errors="replace").splitlines()):
        found = CALL.match(line)
        if found is None:
            continue
        rest = found["rest"]
        if RESUMED.match(rest):
            if (call := begun.pop(found["pid"], None)) is not None:
                call.number = number
                yield call
        elif named := NAMED.match(rest):
            call = Call(number, named["name"], int(named["fd"]), rest)
            if rest.endswith("<unfinished ...>") and call.name in HELD:
                begun[found["pid"]] = call
            else:
                yield call
