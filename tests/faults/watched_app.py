"""The server's application, which notes how many lists each process makes at once.

FAULTS_NOTES names the file; FAULTS_WITHOUT takes a protection off: "cache" or "places".
"""

import os
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from service import app
from service.api.door import Door
from service.api.traced import Traced
from service.recommend import recommender
from service.recommend.places import Places
from service.recommend.recommender import Recommender


def served() -> Door | Traced:
    """As `service.app.served`."""
    match os.environ.get("FAULTS_WITHOUT", ""):
        case "cache":  # no answer is good for longer than it takes to send
            for name in ("FRESH_S", "STALE_S", "DEGRADED_S"):
                setattr(recommender, name, 0.0)
        case "places":
            recommender.Places = partial(Places, 10**6)  # type: ignore[attr-defined,assignment]
    notes = os.open(os.environ["FAULTS_NOTES"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    Recommender._make_for = watched(Recommender._make_for, notes)  # type: ignore[method-assign,assignment]
    return app.served()


def watched(make: Callable[..., Awaitable[Any]], notes: int) -> Callable[..., Awaitable[Any]]:
    """The same, but a line with the number now at work is written first."""
    at_work = 0

    async def noted(*words: Any) -> Any:
        nonlocal at_work
        at_work += 1
        os.write(notes, b"%d\n" % at_work)  # one write of a line: processes share the file
        try:
            return await make(*words)
        finally:
            at_work -= 1

    return noted
