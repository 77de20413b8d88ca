"""SIGTERM, heard while requests still are answered.

The server stops taking connections and then waits until every answer has ended, before it tells the
application anything. A stream that nobody ends would keep it from stopping for ever.
"""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGINT)
STARTED = threading.Event()
"""This process is about to serve: what it is asked from now on it answers before it ends."""


@contextmanager
def when_told_to_stop(act: Callable[[], object]) -> Iterator[None]:
    """Have the loop call `act` when the process is told to stop, beside whoever heard it so far.

    A loop reads signals from a pipe that Python writes to whatever the handler is, so replacing
    the handler takes nothing away from it. Only the main thread hears signals.
    """
    STARTED.set()
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def told(number: int, frame: Any) -> None:  # noqa: ANN401 - a frame
        loop.call_soon_threadsafe(act)
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    kept = {number: handler for number, handler in before.items() if callable(handler)}
    for number in kept:  # with nobody there to hear it, a signal has to end the process
        signal.signal(number, told)
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
