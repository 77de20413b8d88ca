"""echotune events: the shared stream from a terminal, and what the doctor says of it."""

import asyncio
import json

import pytest
from click.testing import CliRunner

from service.bus import UserUpdated
from service.bus.redis_streams import RedisStream
from service.cli import echotune, stream_checks
from service.cli.check import Check
from service.cli.stream_checks import check_stream
from service.errors import Invalid, UnknownEvent
from service.settings import Settings
from tests import servers


@pytest.fixture
def url(own_valkey_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("ECHOTUNE_EVENTS_REDIS_URL", own_valkey_url)
    return own_valkey_url


def told(*words: str) -> list[str]:
    ran = CliRunner().invoke(echotune, ["events", *words], catch_exceptions=False)
    return ran.output.splitlines()


async def one_is_settled_one_dead_and_one_waits(url: str) -> None:
    stream = RedisStream(url)
    await stream.publish([UserUpdated(f"u{rev}", rev) for rev in range(3)])
    good, bad = await stream.take("g", "c", limit=2)
    await stream.settle("g", [good.place])
    await stream.bury("g", bad, "no use")
    await stream.close()


async def nobody_acts(url: str) -> None:
    stream = RedisStream(url)
    await stream.publish([UserUpdated("u1", 1)])
    await stream.take("g", "c", limit=1)
    await stream.close()


def examined(url: str | None) -> list[Check]:
    return asyncio.run(check_stream(Settings(events_redis_url=url)))


def test_who_is_behind_what_is_dead_and_telling_it_again(url: str) -> None:
    asyncio.run(one_is_settled_one_dead_and_one_waits(url))

    (lag,) = map(json.loads, told("lag"))
    (dead,) = map(json.loads, told("dead"))

    assert ("g", 1, 0) == (lag["group"], lag["waiting"], lag["owned"])
    assert ("g", "no use", "u1") == (
        dead["group"],
        dead["reason"],
        json.loads(dead["body"])["user_id"],
    )
    assert ["2 events removed"] == told("trim")
    assert [f"{dead['place']} is told again"] == told("replay", dead["place"])
    assert [] == told("dead")
    with pytest.raises(UnknownEvent, match="no dead event is at"):
        told("replay", dead["place"])


def test_without_a_shared_stream_it_says_where_the_events_are() -> None:
    ran = CliRunner().invoke(echotune, ["events", "lag"])

    assert isinstance(ran.exception, Invalid)
    assert "GET /v1/events/dead" in str(ran.exception)


def test_the_doctor_names_who_reads_when_all_is_well(url: str) -> None:
    assert ["no event waits long; read by nobody yet"] == [one.text for one in examined(url)]
    asyncio.run(one_is_settled_one_dead_and_one_waits(url))
    (dead,) = (fact["place"] for fact in map(json.loads, told("dead")))
    told("replay", dead)

    assert [("ok", "no event waits long; read by g")] == [
        (one.state, one.text) for one in examined(url)
    ]


def test_the_doctor_names_who_lags_and_what_was_set_aside(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_checks, "MOST_BEHIND_S", 0.0)
    asyncio.run(one_is_settled_one_dead_and_one_waits(url))
    asyncio.run(nobody_acts(url))

    behind, dead = examined(url)

    assert ("warn", "warn") == (behind.state, dead.state)
    assert behind.text.startswith("g is 0 s behind: of its events 1 wait and 1 are being worked on")
    assert "events set aside: 1, the last by g: no use" == dead.text
    assert "echotune events replay" in dead.next


def test_the_doctor_says_nothing_of_a_stream_that_is_not_there() -> None:
    assert [] == examined(None)
    assert [] == examined(f"redis://127.0.0.1:{servers.free_port()}")
