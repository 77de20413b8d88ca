"""A client that leaves is noticed while its answer takes long."""

import asyncio
from typing import Any

import pytest

from service.api.departures import WATCH_AFTER_S, ClientGone, while_there

BODY = {"type": "http.request", "body": b"", "more_body": False}
GONE = {"type": "http.disconnect"}


def line(*messages: Any) -> Any:
    said: asyncio.Queue[Any] = asyncio.Queue()
    for message in messages:
        said.put_nowait(message)
    return said.get


async def test_what_takes_long_ends_when_the_client_has_left() -> None:
    with pytest.raises(ClientGone), while_there(line(BODY, GONE)):
        await asyncio.sleep(60)

    await asyncio.sleep(0)  # nothing of the cancelling is left over
    task = asyncio.current_task()
    assert task is not None
    assert 0 == task.cancelling()


async def test_who_stays_is_answered() -> None:
    with while_there(line(BODY)):
        await asyncio.sleep(WATCH_AFTER_S * 3)


async def test_what_is_quick_asks_for_nothing() -> None:
    asked = []

    async def receive() -> Any:
        asked.append(1)
        return GONE

    with while_there(receive):
        await asyncio.sleep(0)
    await asyncio.sleep(WATCH_AFTER_S * 3)

    assert [] == asked


async def test_to_be_cancelled_by_somebody_else_is_something_else() -> None:
    async def answer() -> None:
        with while_there(line(BODY)):
            await asyncio.sleep(60)

    task = asyncio.create_task(answer())
    await asyncio.sleep(WATCH_AFTER_S * 3)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_connection_that_cannot_be_asked_is_taken_to_be_there() -> None:
    async def receive() -> Any:
        raise ConnectionError

    with while_there(receive):
        await asyncio.sleep(WATCH_AFTER_S * 3)


async def test_an_error_of_the_answer_is_handed_on() -> None:
    with pytest.raises(ZeroDivisionError), while_there(line(BODY)):
        raise ZeroDivisionError
