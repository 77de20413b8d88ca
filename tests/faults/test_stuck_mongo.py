"""MongoDB stopped in its tracks (SIGSTOP) under the real server: lists go on, events say 503."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests import servers
from tests.faults.serving import Service
from tests.faults.sizes import FULL, size

TRACKS = [{"id": f"t{n:03d}", "title": f"Title {n}", "artist": f"Artist {n}"} for n in range(120)]
BOUND_S = 0.12 if FULL else 2.0  # a busy test run is given more
EVENT_S = 15.0


@pytest.fixture
def mongo(tmp_path: Path) -> Iterator[servers.Server]:
    try:
        made = servers.mongo(tmp_path)
    except servers.NotInstalled as missing:
        pytest.skip(str(missing))
    with made as server:
        yield server
        os.kill(server.pid, signal.SIGCONT)


def listen(number: int) -> dict[str, str]:
    return {"id": f"l{number}", "user_id": "u", "track_id": f"t{number:03d}"}


def test_a_stopped_mongodb_costs_lists_their_tier_and_events_a_503(
    data: Path, mongo: servers.Server
) -> None:
    env = {
        "ECHOTUNE_MONGO_URL": f"{mongo.url}echotune?directConnection=true",
        "ECHOTUNE_REQUEST_TIMEOUT_MS": "90",
        "ECHOTUNE_STORE_TIMEOUT_MS": "35",
    }
    with Service(data, env=env) as service, httpx.Client(base_url=service.url) as client:
        assert 200 == service.put("/v1/tracks", TRACKS).status_code
        assert 202 == service.post("/v1/listens", [listen(n) for n in range(20)]).status_code
        for _ in range(50):  # the first may be late on a busy machine
            if client.get("/v1/users/u/recommendations").json()["tier"] == "personal":
                break
        os.kill(mongo.pid, signal.SIGSTOP)

        kept: list[tuple[int, str]] = []
        cold: list[tuple[int, str]] = []
        took: list[float] = []
        for number in range(size(50, 2_000)):
            for said, user in ((kept, "u"), (cold, f"cold-{number}")):
                start = time.monotonic()
                answer = client.get(f"/v1/users/{user}/recommendations", timeout=10)
                took.append(time.monotonic() - start)
                said.append((answer.status_code, answer.json().get("tier")))
        event = client.post("/v1/listens", json=listen(50), timeout=EVENT_S + 60)
        os.kill(mongo.pid, signal.SIGCONT)

        assert {200} == {status for status, _ in kept + cold}
        assert {tier for _, tier in kept} <= {"personal", "stale"}
        assert {"popular"} == {tier for _, tier in cold}
        assert sorted(took)[int(len(took) * 0.95)] < BOUND_S
        assert 503 == event.status_code
        assert int(event.headers["retry-after"]) > 0
        scraped = client.get("/metrics").text
        assert 'echotune_fallbacks_total{tier="popular"}' in scraped
        assert "echotune_work_started_after_deadline_total 0.0" in scraped
