"""Two server processes over one store: what one of them took in, the other one shows."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.faults.serving import Service, two_workers
from tests.faults.sizes import FULL, size

PROMISED_S = 0.5
BOUND_S = PROMISED_S if FULL else 2.0  # a busy test run is given more
READERS = 6
TRACKS = [{"id": f"t{n:03d}", "title": f"Title {n}", "artist": f"Artist {n}"} for n in range(120)]
URL = "/v1/users/u/recommendations?limit=100"


@pytest.fixture
def service(data: Path, tmp_path: Path) -> Iterator[Service]:
    with two_workers(data, tmp_path / "valkey", Service) as running:
        yield running


class Reader(threading.Thread):
    """Asks for the list again and again, on a new connection each time, so of either worker."""

    def __init__(
        self, service: Service, disliked: dict[str, float], stop: threading.Event, bound_s: float
    ) -> None:
        super().__init__(daemon=True)
        self._url, self._disliked, self._stop_asked = service.url + URL, disliked, stop
        self._bound_s = bound_s
        self.sources: dict[str, int] = {}
        self.faults: list[str] = []

    def run(self) -> None:
        while not self._stop_asked.is_set():
            asked = time.monotonic()
            told = {
                track for track, at in list(self._disliked.items()) if at < asked - self._bound_s
            }
            answer = httpx.get(self._url, timeout=20)
            if answer.status_code != 200:
                self.faults.append(f"{answer.status_code}: {answer.text}")
                continue
            source = answer.headers["server-timing"]
            self.sources[source] = self.sources.get(source, 0) + 1
            shown = {one["track"]["id"] for one in answer.json()["recommendations"]}
            if told & shown:
                self.faults.append(f"{sorted(told & shown)} from {source}")


def test_no_worker_shows_what_was_disliked_half_a_second_ago(service: Service) -> None:
    assert 2 == len(service.workers())
    assert 200 == service.put("/v1/tracks", TRACKS).status_code
    wait_until_all_know(service)

    readers = dislike_and_read(service, service, BOUND_S)

    assert [] == [fault for reader in readers for fault in reader.faults]
    sources = [source for reader in readers for source in reader.sources]
    assert {"cache;desc=local", "cache;desc=miss"} <= set(sources)


def test_two_servers_that_do_not_hear_of_each_other_are_found_out(data: Path) -> None:
    """The control: each looks once a second whether the other has written, which is too late."""
    with Service(data) as first, Service(data) as second:
        assert 200 == first.put("/v1/tracks", TRACKS).status_code
        wait_until_all_know(second)

        readers = dislike_and_read(first, second, PROMISED_S)

    assert [fault for reader in readers for fault in reader.faults]


def dislike_and_read(writer: Service, read: Service, bound_s: float) -> list[Reader]:
    """Readers, at the end of a time in which one track after the other was disliked."""
    disliked: dict[str, float] = {}
    stop = threading.Event()
    readers = [Reader(read, disliked, stop, bound_s) for _ in range(READERS)]
    for reader in readers:
        reader.start()
    for number in range(size(25, 110)):
        track = TRACKS[number]["id"]
        feedback = {"user_id": "u", "track_id": track, "action": "dislike"}
        answer = writer.post("/v1/feedback", feedback)
        assert 202 == answer.status_code, answer.text
        disliked[track] = time.monotonic()
        time.sleep(0.1)
    stop.set()
    for reader in readers:
        reader.join(30)
    return readers


def wait_until_all_know(service: Service, track_id: str = "t000") -> None:
    """The catalogue is announced and read within a second or two; connections alternate."""
    until, row = time.monotonic() + 30, 0
    while row < 20:
        assert time.monotonic() < until, service.log
        answer = httpx.get(f"{service.url}/v1/tracks/{track_id}/similar", timeout=20)
        row = row + 1 if answer.status_code == 200 else 0
