"""Bar 31: the wall clock jumps by an hour, either way, while a server answers.

What is kept, waited for or spared goes by a clock that only runs on; a key ends by the wall clock,
since that is what its holder was told. Faked for our processes alone: Redis does not survive it.
"""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.access.keys import make_key
from service.store.sqlite import SqliteStore
from tests.faults.serving import Service, shed
from tests.faults.sizes import say, size

LIBRARY = next(iter(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)
JUMPS = ("+3600", "-3600")
ENDS_IN = timedelta(minutes=30)
ASKS = size(50, 1_000)
PATIENCE = 50
pytestmark = pytest.mark.skipif(LIBRARY is None, reason="no libfaketime: apt-get install faketime")


class ByTheWall(Service):
    """A server that takes the wall clock for one that only runs on."""

    command = (
        "-c",
        (
            "import sys, time; time.monotonic = time.time;"
            "from service.cli import main; sys.exit(main())"
        ),
    )


class Clock:
    """The wall clock of the servers, in a file that they look at each time."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.jump("+0")

    def jump(self, by: str) -> None:
        """So many seconds away from the true time."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(by)
        fresh.rename(self._file)

    @property
    def env(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "ECHOTUNE_ACCESS": "on",
        }


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path / "clock")


@pytest.fixture
def tokens(data: Path) -> dict[str, str]:
    """Of a key that holds until it is revoked, and of one that ends in half an hour."""
    now = datetime.now(UTC)
    made = {
        "lasts": make_key("lasts", ("recs:read", "events:write"), now=now, per_s=0),
        "ends": make_key("ends", ("recs:read",), now=now, per_s=0, expires_at=now + ENDS_IN),
    }

    async def store() -> None:
        opened = SqliteStore(data / "echotune.db")
        for key, _ in made.values():
            await opened.put_key(key)
        await opened.close()

    asyncio.run(store())
    return {name: token for name, (_, token) in made.items()}


class Asker:
    """Asks as the holder of a key."""

    def __init__(self, service: Service, tokens: dict[str, str]) -> None:
        self._tokens = tokens
        self._url = f"{service.url}/v1/users/jazz-u0/recommendations"

    def list(self, key: str = "lasts", **query: Any) -> httpx.Response:
        headers = {"X-API-Key": self._tokens[key]}
        for _ in range(PATIENCE):
            answer = httpx.get(self._url, params=query, headers=headers, timeout=10)
            if not shed(answer):
                break
            time.sleep(0.2)
        return answer


def kept_over(service: Service, tokens: dict[str, str], clock: Clock, by: str) -> bool:
    """Whether a list that was kept is still served after the jump; new ones must be."""
    with service:
        asker = Asker(service, tokens)
        before = [asker.list().json()["list_id"] for _ in range(2)]
        assert before[0] == before[1]
        clock.jump(by)
        after = asker.list().json()["list_id"]
        asked = (asker.list(exclude=f"x{n}") for n in range(ASKS))
        refused = [one.text for one in asked if one.status_code != 200]
        say(f"{type(service).__name__} {by} s: kept {after == before[0]}, {ASKS} new lists")
        clock.jump("+0")
        assert [] == refused
        return bool(after == before[0])


@pytest.mark.parametrize("by", JUMPS)
def test_what_is_kept_stays_whatever_the_wall_clock_says(
    data: Path, tokens: dict[str, str], clock: Clock, by: str
) -> None:
    assert kept_over(Service(data, env=clock.env), tokens, clock, by)


def test_by_the_wall_clock_it_would_be_gone(
    data: Path, tokens: dict[str, str], clock: Clock
) -> None:
    """The control."""
    assert not kept_over(ByTheWall(data, env=clock.env), tokens, clock, "+3600")


def test_a_key_ends_when_the_wall_clock_says_so(
    data: Path, tokens: dict[str, str], clock: Clock
) -> None:
    """A minute early or late is too much; before and after it the key is what it was."""
    with Service(data, env=clock.env) as service:
        asker = Asker(service, tokens)
        found = {}
        for by in (0, ENDS_IN.seconds - 60, ENDS_IN.seconds + 60, -3600):
            clock.jump(f"{by:+d}")
            found[by] = asker.list("ends").status_code
            assert 200 == asker.list().status_code
        say(f"a key that ends in 1800 s, by the wall clock: {found}")

    assert [200, 200, 401, 200] == list(found.values())
