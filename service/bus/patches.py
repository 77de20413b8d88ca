"""The port of what the learner tells all other processes; tests/contracts/test_patches.py.

A patch is a numbered change of what is served. Patches are derived: some may be lost, and whoever
sees a gap in the numbers loads the *base*, which is all of it as of one number.
"""

import asyncio
from collections import deque
from contextlib import suppress
from typing import Protocol

from msgspec import Struct

MOST_PATCHES = 120
"""Patches that are kept, the newest: at one a second twice as many as the base is seconds old."""


class Patch(Struct, frozen=True):
    """A change, or all of it; (term of the lease, number) grow, and numbers without gaps."""

    term: int
    number: int
    body: bytes

    def follows(self, other: "Patch") -> bool:
        """Whether nothing lies between."""
        return self.term == other.term and self.number == other.number + 1


class Patches(Protocol):
    """Adapters raise `BusUnavailable` and nothing else."""

    async def publish(self, patch: Patch) -> bool:
        """Tell everybody; False, and nobody is told, if a later or the same one was published."""
        ...

    async def put_base(self, patch: Patch) -> bool:
        """Keep all of it, as of this number; False if a later one is there."""
        ...

    async def base(self) -> Patch | None:
        """All of it, as of its number."""
        ...

    async def after(self, term: int, number: int, *, wait_s: float = 0.0) -> list[Patch]:
        """What was published later, in order, as far as it is kept; wait so long for the first."""
        ...

    async def close(self) -> None:
        """Let go of every resource."""
        ...


class MemoryPatches:
    """For tests: processes that are none."""

    def __init__(self, *, most: int = MOST_PATCHES) -> None:
        self._kept: deque[Patch] = deque(maxlen=most)
        self._base: Patch | None = None
        self._news = asyncio.Event()

    async def publish(self, patch: Patch) -> bool:
        if self._kept and not _later(patch, self._kept[-1]):
            return False
        self._kept.append(patch)
        self._news.set()
        self._news = asyncio.Event()
        return True

    async def put_base(self, patch: Patch) -> bool:
        if self._base is not None and _later(self._base, patch):
            return False
        self._base = patch
        return True

    async def base(self) -> Patch | None:
        return self._base

    async def after(self, term: int, number: int, *, wait_s: float = 0.0) -> list[Patch]:
        found = self._after(term, number)
        if not found and wait_s > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._news.wait()
            found = self._after(term, number)
        return found

    def _after(self, term: int, number: int) -> list[Patch]:
        return [one for one in self._kept if (one.term, one.number) > (term, number)]

    async def close(self) -> None:
        pass


def _later(one: Patch, other: Patch) -> bool:
    return (one.term, one.number) > (other.term, other.number)
