"""Two workers audit their own caches while users are written to, over a real Valkey."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from service.learn.cache_audit import LOOKS_S
from tests import servers
from tests.faults.serving import Service
from tests.faults.sizes import size
from tests.faults.test_workers import wait_until_all_know

TRACKS = [{"id": f"t{n:03d}", "title": f"Title {n}", "artist": f"Artist {n}"} for n in range(40)]
USERS = size(20, 200)
WAIT_S = 60.0
LEVELS = ("local", "shared")
Counts = dict[tuple[str, str], float]
SAMPLE = re.compile(
    r'^echotune_cache_(audited|inconsistent)_total\{level="(\w+)"\} (\S+)$', re.MULTILINE
)


@pytest.fixture
def env(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Everybody is looked at."""
    (tmp_path / "valkey").mkdir()
    with servers.valkey(tmp_path / "valkey") as valkey:
        yield {
            "ECHOTUNE_AUDIT_SHARE": "1",
            "ECHOTUNE_REDIS_URL": valkey.url,
            "ECHOTUNE_EVENTS_REDIS_URL": valkey.url,
            "ECHOTUNE_REDIS_TIMEOUT_MS": "500",
        }


def scraped(service: Service) -> Counts:
    """By metric and level, as of the worker that answers."""
    text = httpx.get(f"{service.url}/metrics", timeout=10).text
    return {(name, level): float(value) for name, level, value in SAMPLE.findall(text)}


def write_and_read(writer: Service, reader: Service) -> None:
    """Each user is read, changed and read again; connections alternate between workers."""
    for number in range(USERS):
        user = f"u{number}"
        for track in (number % 40, (number + 1) % 40):
            listen = {"user_id": user, "track_id": f"t{track:03d}", "action": "like"}
            assert 202 == writer.post("/v1/feedback", listen).status_code
            reader.get(f"/v1/users/{user}/recommendations")
            reader.get(f"/v1/users/{user}/recommendations")


def until(
    service: Service, enough: Callable[[list[Counts]], bool], scrapes: int = 1
) -> list[Counts]:
    """So many scrapes, each over a new connection, as soon as they show enough."""
    ends = time.monotonic() + WAIT_S
    while not enough(seen := [scraped(service) for _ in range(scrapes)]):
        assert time.monotonic() < ends, f"{seen}\n{service.log}"
        time.sleep(0.2)
    return seen


def test_workers_that_tell_each_other_serve_nothing_old(data: Path, env: dict[str, str]) -> None:
    with Service(data, "--workers", "2", env=env) as service:
        assert 2 == len(service.workers())
        assert 200 == service.put("/v1/tracks", TRACKS).status_code
        wait_until_all_know(service)
        write_and_read(service, service)
        time.sleep(LOOKS_S[0] + 1)  # then the last change has been looked at too

        seen = until(service, lambda seen: all(one["audited", "local"] for one in seen), 20)

    assert any(one["audited", "shared"] for one in seen)
    assert {0} == {one["inconsistent", level] for one in seen for level in LEVELS}


def test_a_server_that_is_not_told_is_found_out(data: Path, env: dict[str, str]) -> None:
    """The control: somebody without the Redis writes to the same store."""
    with Service(data) as stranger:
        assert 200 == stranger.put("/v1/tracks", TRACKS).status_code
        with Service(data, env=env) as service:
            write_and_read(stranger, service)
            until(service, lambda seen: all(seen[0]["inconsistent", level] for level in LEVELS))

            assert "old answer kept" in service.log
