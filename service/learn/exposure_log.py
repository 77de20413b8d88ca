"""Tells every process what this one has shown, once a second, so that it can be learned from.

What is shown decides what can be played, so whoever learns from plays has to know it: how often
each list was sent, and with the first time its tracks and how likely each was to be there. That is
1.0 where a place was filled by score and price alone, and the chance it had where it was drawn.
"""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import get_args
from uuid import uuid4

import numpy as np
import structlog

from core.recent import Recent
from service.bus import ExposureLogged, Stream
from service.domain import ShownList
from service.errors import Unavailable
from service.learn.batch import digest
from service.model.catalogue import Catalogue
from service.model.current import Current
from service.recommend.exposure import Showing, Way

log = structlog.get_logger()

MOST_TOLD = 100_000
"""Lists that are remembered as told; one that comes up again after so many others is told again.
They take 3 MB from the start, where their names would come to take 11."""
MOST_SHOWINGS = 2_000
"""In one fact: 300 KB where every list is a new one."""
MOST_UNSENT = 120
"""Facts that wait for a stream that does not answer: two minutes; beyond it the oldest go."""


class ExposureLog:
    """The lists this process has told of, and what it has yet to tell."""

    def __init__(
        self,
        current: Current,
        stream: Stream,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._current, self._stream, self._clock = current, stream, clock
        self._told = Recent(MOST_TOLD)  # digests of tags
        self._unsent: deque[ExposureLogged] = deque()

    def note(self, showings: Sequence[Showing]) -> None:
        """Make a fact of what was shown; of nothing none is made."""
        for start in range(0, len(showings), MOST_SHOWINGS):
            self._unsent.append(self._fact(showings[start : start + MOST_SHOWINGS]))
        while len(self._unsent) > MOST_UNSENT:
            self._unsent.popleft()
            log.error("what was shown is forgotten: the stream does not take it")

    async def send(self) -> None:
        """Publish what was noted; what the stream does not take is kept for the next time."""
        while self._unsent:
            fact = self._unsent[0]
            try:
                await self._stream.publish([fact])
            except Unavailable as error:
                log.warning("what was shown has to wait", reason=str(error))
                return
            if self._unsent and self._unsent[0] is fact:
                self._unsent.popleft()

    def _fact(self, showings: Sequence[Showing]) -> ExposureLogged:
        times: dict[Way, Counter[str]] = {way: Counter() for way in get_args(Way)}
        catalogue = self._current.catalogue
        for showing in showings:
            times[showing.way][showing.tag] += 1
        known = [one for one in showings if one.rows.max(initial=-1) < catalogue.size]
        tags = np.array([digest(one.tag) for one in known], np.uint64)
        new = self._told.add(tags, np.zeros_like(tags))
        made = [shown_list(one, catalogue) for one, so in zip(known, new, strict=True) if so]
        return ExposureLogged(
            at=self._clock(),
            shown=dict(times["shown"]),
            prefetched=dict(times["prefetched"]),
            unchanged=dict(times["unchanged"]),
            made=made,
            batch_id=uuid4().hex,
        )


def shown_list(showing: Showing, catalogue: Catalogue) -> ShownList:
    """What is told and kept of it; every row is in the catalogue."""
    return ShownList(
        showing.user_id,
        showing.tag,
        [catalogue.briefs[row].id for row in showing.rows.tolist()],
        showing.propensities,
        variants=dict(showing.variants),
        at=showing.at,
        took_ms=round(showing.took_s * 1000, 3),
    )
