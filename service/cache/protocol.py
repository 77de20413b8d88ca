"""The port of the shared level; tests/contracts/test_cache.py says what that means."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from service.cache.answer import Answer

ERASED = 0
"""The rev of a user of whom nothing is known; real revs start at 1."""
LEASE_S = 0.6
"""How long one process may work on a cold key before another starts."""
RECORD_S = 3600.0
"""Life of a user's record after its last change; every answer under it is dead long before."""
PLACEHOLDER_S = 60.0
"""Life of a record that only says that somebody is at work: the longest fill that is stored."""


class SharedUnavailable(Exception):
    """The shared level did not answer in time. No client sees this: requests go on without it."""


class Found(Struct, frozen=True):
    """What the shared level knows of a user and a key."""

    rev: int  # the newest known; ERASED: ask the store
    answer: Answer | None  # None also when it is not of the record's generation, or older
    seen: bytes = b""  # names what is stored there, of use or not; empty when nothing is


class Claim(Struct, frozen=True):
    """The right to store an answer, and the lease if nobody else holds it."""

    rev: int
    generation: bytes
    held: bool
    token: bytes


class Shared(Protocol):
    """Answers and revs that all processes see.

    A user's *record* is a rev and a *generation*: a random name that changes when the user is
    erased and when the record was lost. An answer counts only under the generation it was stored
    with, so a record that was evicted takes its answers with it and a fill that began before
    cannot store. Adapters raise `SharedUnavailable` and nothing else.
    """

    async def read(self, user_id: str, key: str) -> Found:
        """Rev and answer together."""
        ...

    async def claim(self, user_id: str, key: str, rev: int, seen: bytes) -> Claim:
        """Before the store is read: the record's generation, and the lease for key and rev.

        There is no lease for somebody who has not `seen` what is stored by now: an answer that
        came between the look and the claim would be made twice.
        """
        ...

    async def put(
        self, user_id: str, key: str, answer: Answer, claim: Claim, *, ttl_s: float
    ) -> bool:
        """Store for `ttl_s` unless something newer is known, or the record has changed hands.

        Gives the lease back.
        """
        ...

    async def release(self, key: str, claim: Claim) -> None:
        """Give the lease back with nothing stored."""
        ...

    async def note(self, revs: Sequence[tuple[str, int]]) -> None:
        """These users have these revs, one after the other; ERASED starts a new generation.

        Every process hears of it.
        """
        ...

    async def announce(self) -> None:
        """The catalogue or the model has changed: every other process hears of it."""
        ...
