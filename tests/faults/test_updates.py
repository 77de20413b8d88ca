"""Streams of a real server: told across workers, many at once, ended when it has to stop."""

import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from tests.faults.serving import Service, fill, two_workers
from tests.faults.sizes import say, size
from tests.faults.test_workers import wait_until_all_know

SOON_S = 30.0
URL = "/v1/users/jazz-u0/updates"
SKIP = {"user_id": "jazz-u0", "track_id": "jazz00", "action": "skip"}
IDLE = size(100, 990)


class Player(threading.Thread):
    """Holds a stream open and keeps what it is told."""

    def __init__(self, service: Service, url: str = URL) -> None:
        super().__init__(daemon=True)
        self._url = service.url + url
        self.updates, self.began = list[dict[str, object]](), False
        self.last = ""

    def run(self) -> None:
        """Comes back when it is refused or sent away, until the server is gone."""
        with contextlib.suppress(httpx.TransportError):
            while True:
                self._read()
                time.sleep(0.2)

    def _read(self) -> None:
        with httpx.stream("GET", self._url, timeout=60) as answer:
            if answer.status_code == 503:  # a busy machine sheds streams first
                return
            for line in answer.iter_lines():
                self.began = True
                self.last = line or self.last
                if line.startswith("data: "):
                    self.updates.append(json.loads(line.removeprefix("data: ")))


def wait_until(true: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + SOON_S
    while not true():
        assert time.monotonic() < until, what
        time.sleep(0.005)


def players(service: Service, count: int, url: str = URL) -> list[Player]:
    waiting = [Player(service, url) for _ in range(count)]
    for player in waiting:
        player.start()
    wait_until(lambda: all(player.began for player in waiting), "a stream did not begin")
    return waiting


def test_what_one_worker_takes_in_is_told_by_the_other(data: Path, tmp_path: Path) -> None:
    with two_workers(data, tmp_path / "valkey", Service) as service:
        fill(service)
        wait_until_all_know(service, "jazz00")
        waiting = players(service, 12)  # connections alternate: all of one worker are 1 in 2,048
        told = len(waiting[0].updates)
        assert 202 == service.post("/v1/feedback", SKIP).status_code
        wait_until(lambda: all(len(p.updates) > told for p in waiting), "not everybody was told")
        last = [player.updates[-1] for player in waiting]

    assert 1 == len({update["rev"] for update in last})
    assert {"elsewhere"} < {update["reason"] for update in last}


class Deaf(Service):
    """A server whose application does not hear that it has to stop."""

    command = (
        "-c",
        (
            "import sys, contextlib; from service.api import stopping;"
            "from service.cli import main;"
            "stopping.when_told_to_stop = lambda _: contextlib.nullcontext(stopping.STARTED.set());"
            "sys.exit(main())"
        ),
    )


def ends(service: Service, within_s: float) -> bool:
    """Tell it to stop, with a stream open."""
    (player,) = players(service, 1)
    os.kill(service.pid, signal.SIGTERM)
    until = time.monotonic() + within_s
    while service.ended() is None and time.monotonic() < until:
        time.sleep(0.02)
    return service.ended() is not None and player.last.startswith("retry: ")


def test_a_server_told_to_stop_ends_its_streams(data: Path) -> None:
    with Service(data) as service:
        assert ends(service, SOON_S)


def test_without_that_it_would_wait_for_them(data: Path) -> None:
    """The control."""
    with Deaf(data) as service:
        assert not ends(service, 3.0)
        service.kill()


def test_many_streams_cost_little_and_keep_nobody_out(data: Path) -> None:
    with Service(data) as service:
        fill(service)
        before = _rss_mb(service)
        waiting = players(service, IDLE, "/v1/users/nobody/updates")
        per_stream_kb = (_rss_mb(service) - before) * 1024 / IDLE
        lists = [service.get("/v1/users/jazz-u0/recommendations") for _ in range(20)]
        assert 202 == service.post("/v1/feedback", SKIP | {"user_id": "nobody"}).status_code
        wait_until(lambda: all(player.updates for player in waiting), "not everybody was told")
        say(f"{IDLE} streams, {per_stream_kb:.0f} KB each")

    assert {"personal"} == {page["tier"] for page in lists}
    assert per_stream_kb < 200


def _rss_mb(service: Service) -> float:
    (worker,) = service.workers()
    for line in Path(f"/proc/{worker}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(f"no memory of {worker}")
