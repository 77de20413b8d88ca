"""Negative entries: users of whom the store knew nothing a moment ago.

Eight bytes each in a table of fixed size, so that no flood of made-up ids can push out the answers
of real listeners.
"""

import secrets
from array import array
from collections.abc import Callable
from hashlib import blake2b

WAYS = 64
"""Places an id may take. 100,000 ids in the default size: none is pushed out by another."""
LIFE_S = 30.0


class Absent:
    """A set of user ids that forgets each after 30 to 60 seconds, at most `capacity_bytes` big."""

    def __init__(self, capacity_bytes: int, clock: Callable[[], float]) -> None:
        self._buckets = max(capacity_bytes // (2 * 8 * WAYS), 1)
        self._clock, self._secret = clock, secrets.token_bytes(16)
        self.clear()

    @property
    def size_bytes(self) -> int:
        """What the table takes up, full or empty."""
        return sum(len(table) * table.itemsize for table in (self._new, self._old))

    def add(self, user_id: str) -> None:
        """The store has just said that there is no such user."""
        self._turn()
        mark, first = self._place(user_id)
        bucket = self._new[first : first + WAYS]
        if mark not in bucket:
            place = bucket.index(0) if 0 in bucket else mark % WAYS
            self._new[first + place] = mark

    def remove(self, user_id: str) -> None:
        """The user exists now."""
        mark, first = self._place(user_id)
        for table in (self._new, self._old):
            bucket = table[first : first + WAYS]
            if mark in bucket:
                table[first + bucket.index(mark)] = 0

    def clear(self) -> None:
        """Know nothing."""
        self._new = self._empty()
        self._old = self._empty()
        self._turns_at = self._clock() + LIFE_S

    def __contains__(self, user_id: str) -> bool:
        self._turn()
        mark, first = self._place(user_id)
        return mark in self._new[first : first + WAYS] or mark in self._old[first : first + WAYS]

    def _turn(self) -> None:
        now = self._clock()
        if now >= self._turns_at + LIFE_S:
            self.clear()
        elif now >= self._turns_at:
            self._old, self._new = self._new, self._empty()
            self._turns_at += LIFE_S

    def _empty(self) -> "array[int]":
        return array("Q", bytes(8 * WAYS * self._buckets))

    def _place(self, user_id: str) -> tuple[int, int]:
        digest = blake2b(user_id.encode(), digest_size=16, key=self._secret).digest()
        mark = int.from_bytes(digest[:8]) or 1
        return mark, int.from_bytes(digest[8:]) % self._buckets * WAYS
