"""A server process is killed, or told to stop, with requests under way."""

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.faults.serving import READY_S, STOP_S, Service, two_workers
from tests.faults.sizes import size
from tests.faults.test_workers import wait_until_all_know
from tests.servers import HOST

KILL_EVERY_S = 5.0
KILLS = size(2, 12)
URL = "/v1/users/jazz-u0/recommendations?strategy=collaborative"


class Client(threading.Thread):
    """Keeps a connection and asks again once when it breaks, as every HTTP library does."""

    def __init__(self, url: str, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self._client, self._stop_asked = httpx.Client(base_url=url, timeout=5), stop
        self.good, self.bad = 0, list[str]()

    def run(self) -> None:
        with self._client:
            while not self._stop_asked.is_set():
                self._count()
                time.sleep(0.005)

    def _count(self) -> None:
        try:
            answer = self._ask()
        except httpx.TransportError as error:
            self.bad.append(repr(error))
            return
        self.good += answer.status_code == 200
        if answer.status_code != 200:
            self.bad.append(answer.text)

    def _ask(self) -> httpx.Response:
        try:
            return self._client.get(URL)
        except httpx.TransportError:
            return self._client.get(URL)


@contextmanager
def clients(service: Service, count: int = 4) -> Iterator[list[Client]]:
    stop = threading.Event()
    asking = [Client(service.url, stop) for _ in range(count)]
    for client in asking:
        client.start()
    yield asking
    stop.set()
    for client in asking:
        client.join(30)


def test_a_worker_killed_every_five_seconds_costs_one_request_in_a_thousand_at_most(
    data: Path, tmp_path: Path
) -> None:
    with two_workers(data, tmp_path / "valkey", Service) as service:
        with clients(service) as asking:
            for _ in range(KILLS):  # the oldest: one that dies twice in 5.5 s is a crash loop
                wait_until_listening(service.port, 2)
                os.kill(min(service.workers()), signal.SIGKILL)
                time.sleep(KILL_EVERY_S)
        alive = service.ended() is None
    good, bad = sum(client.good for client in asking), [b for c in asking for b in c.bad]

    assert alive
    assert len(bad) <= 0.001 * (good + len(bad))


def wait_until_listening(port: int, many: int) -> None:
    """A new worker takes 2 s to begin, on a busy machine more than the 5 s between two deaths."""
    until, mark = time.monotonic() + 60, f":{port:04X} 00000000:0000 0A"
    while Path("/proc/net/tcp").read_text().count(mark) < many:
        assert time.monotonic() < until, f"fewer than {many} workers listen"
        time.sleep(0.05)


class Mortal(Service):
    """A server that starts no worker anew."""

    command = (
        "-c",
        (
            "import sys; import granian.server as g; from service.cli import main; real = g.Server;"
            "g.Server = lambda *a, **k: real(*a, **(k | {'respawn_failed_workers': False}));"
            "sys.exit(main())"
        ),
    )


def test_without_a_new_worker_one_kill_ends_the_server(data: Path, tmp_path: Path) -> None:
    """The control."""
    with two_workers(data, tmp_path / "valkey", Mortal) as service:
        os.kill(service.workers()[0], signal.SIGKILL)
        until = time.monotonic() + 20
        while service.ended() is None and time.monotonic() < until:
            time.sleep(0.05)
        ended = service.ended()

    assert ended is not None


def test_a_server_told_to_stop_finishes_what_is_under_way(data: Path, tmp_path: Path) -> None:
    with two_workers(data, tmp_path / "valkey", Service) as service:
        assert (
            200
            == service.put("/v1/tracks", [{"id": "t000", "title": "T", "artist": "A"}]).status_code
        )
        wait_until_all_know(service)
        body = json.dumps({"user_id": "u1", "track_id": "t000", "id": "last", "action": "play"})
        head = f"POST /v1/listens HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n"
        with socket.create_connection((HOST, service.port), timeout=10) as line:
            line.sendall(f"{head}content-type: application/json\r\n\r\n{body[:-1]}".encode())
            time.sleep(0.2)
            os.kill(service.pid, signal.SIGTERM)
            time.sleep(0.3)
            line.sendall(body[-1:].encode())
            said = line.recv(65_536)
        until = time.monotonic() + 20
        while service.ended() is None and time.monotonic() < until:
            time.sleep(0.05)
        ended = service.ended()
    with Service(data) as service:
        stored = service.get("/v1/users/u1/listens")["listens"]

    assert said.startswith(b"HTTP/1.1 202"), said
    assert 0 == ended
    assert ["last"] == [listen["id"] for listen in stored]


class Deaf(Service):
    """A server without what is done about signals."""

    command = (
        "-c",
        (
            "import sys; from service.cli import first_signal;"
            "first_signal.hear_the_first = lambda: None;"
            "from service.cli import main; sys.exit(main())"
        ),
    )


def ends(service: Service, times: int = 1) -> bool:
    """Whether it does, told to stop as a terminal does: with all that it has started."""
    for _ in range(times):
        os.killpg(service.pid, signal.SIGINT)
    until = time.monotonic() + STOP_S
    while service.ended() is None and time.monotonic() < until:
        time.sleep(0.05)
    ended = service.ended() is not None
    if not ended:
        service.kill()
    return ended


def begun(service: Service) -> Service:
    """As soon as it has a worker, which is not ready for a second."""
    service.begin()
    until = time.monotonic() + READY_S
    while not service.workers() and time.monotonic() < until:
        time.sleep(0.01)
    return service


def test_a_server_that_starts_ends_when_it_is_told_to(data: Path) -> None:
    assert ends(begun(Service(data)))


def test_granian_by_itself_would_wait_for_a_worker_that_heard_nothing(data: Path) -> None:
    """The control."""
    assert not ends(begun(Deaf(data)))


def test_a_server_ends_however_often_it_is_told_to(data: Path) -> None:
    service = Service(data)
    service.start()

    assert ends(service, times=5)
