"""What nobody needs any more is removed, and everybody can see how far behind groups are."""

import asyncio

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from service.bus import START, UserUpdated
from service.bus.memory import MemoryStream
from service.bus.tending import Tending, tend
from service.errors import BusUnavailable


class Deaf(MemoryStream):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.asked, self.error = 0, error

    async def trim(self) -> int:
        self.asked += 1
        raise self.error


def told(name: str) -> float | None:
    return REGISTRY.get_sample_value(f"echotune_events_{name}", {"group": "tended"})


async def test_gauges_say_what_waits_is_owned_and_dead() -> None:
    now = 1_000.0
    stream = MemoryStream(clock=lambda: now)
    await stream.publish([UserUpdated(f"u{rev}", rev) for rev in range(5)])
    settled, bad, _ = await stream.take("tended", "c", limit=3)
    await stream.settle("tended", [settled.place])
    await stream.bury("tended", bad, "no use")
    now += 7.0

    await tend(stream)

    assert [2, 1, 7.0, 1] == [
        told(name) for name in ("waiting", "owned", "oldest_seconds", "dead_letters")
    ]
    assert 3 == len(await stream.read(START, limit=10))


@pytest.mark.parametrize("error", [BusUnavailable("deaf"), ValueError("a bug")])
async def test_a_stream_that_does_not_answer_is_asked_again(error: Exception) -> None:
    stream = Deaf(error)
    tending = Tending(stream, every_s=0.001)
    with capture_logs() as logs:
        tending.start()
        async with asyncio.timeout(10):
            while stream.asked < 3:  # noqa: ASYNC110 - a test polls
                await asyncio.sleep(0.001)
        await tending.close()

    assert {"the stream is not looked after"} == {log["event"] for log in logs}


async def test_closing_what_never_started_is_no_error() -> None:
    await Tending(MemoryStream()).close()
