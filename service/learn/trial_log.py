"""Keeps the lists that somebody in an experiment was shown: once each, with what made them.

This is what an experiment is evaluated from. Lists of nobody in an experiment are told to the
learner (`exposure_log`) and kept by nobody.
"""

from collections import deque
from collections.abc import Sequence
from itertools import islice

import structlog

from service.bus import UserUpdated
from service.domain import ShownList
from service.errors import Unavailable
from service.learn.exposure_log import shown_list
from service.model.current import Current
from service.recommend.exposure import Showing
from service.store import Store

log = structlog.get_logger()

MOST_KEPT = 100_000
"""Lists that are remembered as kept; the store knows the others."""
MOST_WAITING = 100_000
"""Lists that wait for a store that does not answer; beyond it the oldest go."""
AT_ONCE = 1_000


class TrialLog:
    """What this process has yet to keep."""

    def __init__(self, current: Current, store: Store) -> None:
        self._current, self._store = current, store
        self._seen: dict[tuple[str, str], None] = {}  # by the time they were seen
        self._waiting: deque[ShownList] = deque()
        self._erased: set[str] = set()  # since the last note: what they saw may be in the next one

    def note(self, showings: Sequence[Showing]) -> None:
        """Of lists that were looked at, those of somebody in an experiment, the first time."""
        catalogue, erased = self._current.catalogue, self._erased.copy()
        for showing in showings:
            key = showing.user_id, showing.tag
            if not showing.variants or showing.way == "prefetched" or key in self._seen:
                continue
            if showing.user_id in self._erased:
                continue
            if showing.rows.max(initial=-1) < catalogue.size:
                self._seen[key] = None
                self._waiting.append(shown_list(showing, catalogue))
        self._erased -= erased
        while len(self._seen) > MOST_KEPT:
            del self._seen[next(iter(self._seen))]
        if len(self._waiting) > MOST_WAITING:
            log.error("lists of experiments are forgotten: the store does not take them")
        while len(self._waiting) > MOST_WAITING:
            self._waiting.popleft()

    async def send(self) -> None:
        """Keep what was noted; what the store does not take is tried again the next time."""
        while self._waiting:
            lists = list(islice(self._waiting, AT_ONCE))
            try:
                await self._store.put_shown(lists)
            except Unavailable as error:
                log.warning("lists of experiments have to wait", reason=str(error))
                return
            kept = set(map(id, lists))  # fewer wait when a user was erased meanwhile
            while self._waiting and id(self._waiting[0]) in kept:
                self._waiting.popleft()

    async def on_user_updated(self, fact: UserUpdated) -> None:
        """Heard on the bus: of an erased user nothing is kept."""
        if fact.rev is None:
            self._erased.add(fact.user_id)
            waiting = self._waiting.copy()  # a thread may be noting
            self._waiting = deque(one for one in waiting if one.user_id != fact.user_id)
