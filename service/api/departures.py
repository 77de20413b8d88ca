"""Clients that leave: nothing is begun any more for whoever has hung up.

The server says so to whoever asks for the next message of a request. Asking costs a task, so it is
done only for what takes longer than most.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

WATCH_AFTER_S = 0.002
"""Most lists are made by then."""


class ClientGone(Exception):
    """Nobody is there to be answered."""


@contextmanager
def while_there(receive: Any) -> Iterator[None]:  # noqa: ANN401 - ASGI
    """Cancel what is awaited in here as soon as the client has left.

    The body of the request, if it has one, must have been read or be of no interest.

    Raises:
        ClientGone: it has left.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None  # noqa: S101 - a request is answered by a task
    watching: asyncio.Task[None] | None = None
    gone, over = False, False

    def watch() -> None:
        nonlocal watching
        watching = loop.create_task(_left(receive))
        watching.add_done_callback(leave)

    def leave(done: asyncio.Task[None]) -> None:
        nonlocal gone
        if over or done.cancelled() or done.exception() is not None:
            return
        gone = True
        task.cancel()

    timer = loop.call_later(WATCH_AFTER_S, watch)
    try:
        yield
    except asyncio.CancelledError:
        if not gone or task.uncancel() > 0:
            raise
        raise ClientGone from None
    finally:
        over = True
        timer.cancel()
        if watching is not None:
            watching.cancel()


async def _left(receive: Any) -> None:  # noqa: ANN401 - ASGI
    while (await receive())["type"] != "http.disconnect":
        pass
