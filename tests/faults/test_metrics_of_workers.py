"""/metrics of a server with two workers, one of which is killed again and again."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from service.merged import Family
from service.siblings import FOLDERS, TOLD
from tests.faults.serving import Service, fill, two_workers
from tests.faults.sizes import say
from tests.servers import HOST, free_port

Values = dict[tuple[str, tuple[tuple[str, str], ...]], float]

ROUTE = "/v1/users/{user_id}/recommendations"
LISTS = ("echotune_request_seconds_count", (("route", ROUTE), ("status", "200")))
LEADS = ("echotune_learner_leads", ())
MEMORY = ("process_resident_memory_bytes", ())
COUNTED = ("_total", "_count", "_sum", "_bucket")
MARGIN = 20 << 20
"""Of memory: those that live take and give back a little."""
ASKED, KILLS = 60, 3
WAIT_S = 40.0


class Scraper:
    """Asks as Prometheus does: on a new connection, whichever worker takes it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._last: Values = {}
        self.back: list[str] = []  # counters that went back

    def __call__(self) -> Values:
        answer = httpx.get(self._url, timeout=10)
        assert 200 == answer.status_code, answer.text
        now = {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        }
        for key, before in self._last.items():
            if key[0].endswith(COUNTED) and now.get(key, 0) < before:
                self.back.append(f"{key}: {before} -> {now.get(key)}")
        self._last = now
        return now

    def until(self, true: Callable[[Values], bool]) -> Values:
        """What it says once that is so; a worker that is killed may leave a connection open."""
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            try:
                if true(said := self()):
                    return said
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        raise AssertionError({key: self._last.get(key) for key in (LISTS, LEADS, MEMORY)})


@pytest.fixture(params=["apart", "public"])
def served(request, data: Path, tmp_path: Path) -> Iterator[tuple[Service, Scraper]]:
    """With /metrics on a port of its own, and on that of everybody."""
    port = free_port()
    env = {"ECHOTUNE_METRICS_PORT": str(port)} if request.param == "apart" else {}
    with two_workers(data, tmp_path / "valkey", Service, env) as service:
        fill(service)
        at = f"http://{HOST}:{port}" if request.param == "apart" else service.url
        yield service, Scraper(f"{at}/metrics")


def ask(service: Service, times: int) -> int:
    """So many lists, each on a new connection; how many were answered."""
    answered = 0
    for number in range(times):
        try:
            answer = httpx.get(
                f"{service.url}/v1/users/jazz-u{number % 5}/recommendations", timeout=20
            )
        except httpx.TransportError:  # to the worker that was just killed
            continue
        answered += answer.status_code == 200
    return answered


def told(service: Service) -> dict[int, Values]:
    """What each worker that lives has written down, by its pid."""
    decode = msgspec.msgpack.Decoder(list[Family]).decode
    return {
        int(path.name.partition("-")[0]): {
            (name, tuple(sorted(labels.items()))): value
            for family in decode(path.read_bytes())
            for name, labels, value in family.samples
        }
        for path in (service.data / FOLDERS).glob(f"*/*{TOLD}")
    }


def leaderless(most: float) -> Callable[[Values], bool]:
    return lambda now: now[LEADS] == 0 and now[MEMORY] < most


def led_without(killed: int, service: Service) -> Callable[[Values], bool]:
    return lambda now: now[LEADS] == 1 and killed not in service.workers()


def counted(least: float) -> Callable[[Values], bool]:
    return lambda now: now[LISTS] >= least


def test_a_scrape_is_of_all_workers_and_stays_true_when_one_is_killed(
    served: tuple[Service, Scraper],
) -> None:
    service, scrape = served
    count = ask(service, ASKED)
    scrape.until(lambda said: said.get(LISTS, 0) == count)

    # The control: neither of them alone is the whole, so one worker's answer would be wrong.
    alone = [one.get(LISTS, 0) for one in told(service).values()]
    assert 2 == len(alone)
    assert max(alone) < count == sum(alone)

    said = scrape.until(lambda said: said[LEADS] == 1)
    for _ in range(KILLS):
        leader = next(pid for pid, one in told(service).items() if one.get(LEADS) == 1)
        memory = said[MEMORY] - MARGIN
        os.kill(leader, signal.SIGKILL)
        # What it was is gone as soon as the system has taken it down, and nobody leads for a while.
        said = scrape.until(leaderless(memory))
        assert count == said[LISTS]  # what it counted is there
        said = scrape.until(led_without(leader, service))
        service.wait_ready()
        more = ask(service, 10)
        count += more
        said = scrape.until(counted(count))

    assert [] == scrape.back
    say(f"{KILLS} leaders killed, {count} lists counted, no counter went back")


def test_the_folder_of_the_workers_goes_with_the_server(served: tuple[Service, Scraper]) -> None:
    service, scrape = served
    scrape()
    assert 1 == len(list((service.data / FOLDERS).iterdir()))
    service.stop()

    assert [] == list((service.data / FOLDERS).iterdir())
