"""A worker that is told to stop stops, whenever that is and however often it is told.

Granian 2.8 loses a signal that comes before the worker serves: first to the handler of the parent,
which a fork inherits, then to a `WorkerSignal` that nobody looks at yet. And at a second one soon
after the first its `set` waits for ever. Ctrl-C reaches a worker twice: from the terminal, and from
its parent, which passes it on. Either way the parent then waited for the worker without end.
"""

import os
import signal
from asyncio import AbstractEventLoop
from collections.abc import Callable

from granian import _signals
from granian._granian import WorkerSignal

from service.api.stopping import SIGNALS, STARTED

UNTIL_SERVED_S = 0.1
"""From the end of the start to the first request that is taken, which takes a tenth of that."""


def hear_the_first() -> None:
    """From now on, in this process and those that it forks."""
    os.register_at_fork(after_in_child=_end_at_once)
    every: Callable[[AbstractEventLoop], WorkerSignal] = _signals.set_loop_signals

    def first(loop: AbstractEventLoop) -> WorkerSignal:
        stop, told = every(loop), False

        def hear() -> None:
            nonlocal told
            if not STARTED.is_set():  # nothing was promised to anybody yet
                os._exit(0)
            if not told:
                told = True
                loop.call_later(UNTIL_SERVED_S, stop.set)

        for number in SIGNALS:
            loop.add_signal_handler(number, hear)
        return stop

    _signals.set_loop_signals = first


def _end_at_once() -> None:
    """Until the loop hears signals."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
