"""Who waits to be told that their list is no longer what it was: what players hold open.

A player asks again once it is told, so only the newest rev matters: what a watch was not yet told
is replaced, and one that reads slowly costs no more than one that reads at once. A new model or
catalogue concerns everybody; it is told to a few at a time, or all of them would ask together.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from typing import Literal

from msgspec import Struct

from service.bus import UserUpdated
from service.bus.facts import Change
from service.cache.protocol import ERASED
from service.model.current import Current

Reason = Change | Literal["elsewhere", "model", "catalogue", "missed"]

TICK_S, AT_A_TIME = 0.1, 10
"""Of what concerns everybody: 100 watches a second, whose lists take a fifth of a processor."""
BACK_IN_S = (5, 7, 9, 11, 13)
"""In turn, so that those who were sent away together do not come back together."""


class Update(Struct, frozen=True):
    """A list that was built before is old. `rev` is the user's now, 0 of nobody known."""

    rev: int
    reason: Reason


class Watch:
    """One open stream of one user; holds what it was not yet told."""

    def __init__(self, user_id: str) -> None:
        self.user_id, self.rev = user_id, ERASED
        self.why: tuple[int, Reason] | None = None  # a rev that is about to be told, and its reason
        self.back_in_s: int | None = None  # once it is over: when to come back
        self._news: Update | None = None
        self._wake = asyncio.Event()

    def changed(self, rev: int, reason: Reason) -> None:
        """The user has this rev now; what is known already is no news."""
        if rev != self.rev and (rev > self.rev or rev == ERASED):
            self.rev = rev
            why = self.why if self.why is not None and self.why[0] == rev else (rev, reason)
            self.tell(Update(*why))

    def tell(self, update: Update) -> None:
        """Replaces what was not yet taken."""
        self._news = update
        self._wake.set()

    def end(self, back_in_s: int) -> None:
        """Nothing more is told."""
        self.back_in_s = back_in_s
        self._wake.set()

    async def next(self, within_s: float) -> Update | None:
        """The newest news; None when there is none within that time, or it is over."""
        try:
            async with asyncio.timeout(within_s):
                await self._wake.wait()
        except TimeoutError:
            return None
        self._wake.clear()
        news, self._news = self._news, None
        return news


class Updates:
    """The watches of this process, the one that was told nothing for longest first."""

    def __init__(self) -> None:
        self._watches: dict[Watch, None] = {}
        self._of: dict[str, set[Watch]] = {}
        self._due: dict[Watch, Reason] = {}
        self._back_in_s = cycle(BACK_IN_S)
        self._closing = False
        self._looking: asyncio.Task[None] | None = None

    @contextmanager
    def open(self, user_id: str) -> Iterator[Watch]:
        """A watch for as long as it is wanted; over at once in a process that is stopping."""
        watch = Watch(user_id)
        self._watches[watch] = None
        self._of.setdefault(user_id, set()).add(watch)
        if self._closing:
            watch.end(next(self._back_in_s))
        try:
            yield watch
        finally:
            self._watches.pop(watch, None)
            self._due.pop(watch, None)
            mine = self._of[user_id]
            mine.discard(watch)
            if not mine:
                del self._of[user_id]

    async def before_user_updated(self, fact: UserUpdated) -> None:
        """Why it is changed here; the notice to all processes may be back before it was sent."""
        for watch in self._of.get(fact.user_id, ()):
            watch.why = (_rev(fact), fact.reason)

    async def on_user_updated(self, fact: UserUpdated) -> None:
        """Changed here; every cache knows of it by now, so whoever is told gets the new list."""
        self._tell(fact.user_id, _rev(fact), fact.reason)

    def heard(self, user_id: str, rev: int) -> None:
        """Changed in whichever process."""
        self._tell(user_id, rev, "erased" if rev == ERASED else "elsewhere")

    def announced(self) -> None:
        """Told once it serves here; see `watch`."""

    def lost(self, since: float) -> None:
        """Told when it is `regained`."""

    def regained(self) -> None:
        """Whoever was changed meanwhile: nobody said who, so all are told."""
        self._tell_all("missed")

    def watch(self, current: Current) -> None:
        """Tell everybody from now on when another model or catalogue serves here."""
        self._looking = asyncio.create_task(self._look(current))

    def shed(self, most: int) -> int:
        """End so many at most, those first that were told nothing for longest; how many."""
        ended = [watch for watch in self._watches if watch.back_in_s is None][:most]
        for watch in ended:
            watch.end(next(self._back_in_s))
        return len(ended)

    def close(self) -> None:
        """End all of them; the process is about to stop."""
        self._closing = True
        self.shed(len(self._watches))
        if self._looking is not None:
            self._looking.cancel()

    def _tell(self, user_id: str, rev: int, reason: Reason) -> None:
        for watch in self._of.get(user_id, ()):
            watch.changed(rev, reason)
            self._watches[watch] = self._watches.pop(watch)

    def _tell_all(self, reason: Reason) -> None:
        for watch in self._watches:
            self._due.setdefault(watch, reason)

    async def _look(self, current: Current) -> None:
        model, edition = current.model, current.catalogue.edition
        while True:
            await asyncio.sleep(TICK_S)
            if current.model is not model:
                self._tell_all("model")
            elif current.catalogue.edition != edition:
                self._tell_all("catalogue")
            model, edition = current.model, current.catalogue.edition
            for watch in list(self._due)[:AT_A_TIME]:
                watch.tell(Update(watch.rev, self._due.pop(watch)))


def _rev(fact: UserUpdated) -> int:
    return ERASED if fact.rev is None else fact.rev
