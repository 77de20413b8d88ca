"""Answers as they were sent, so that one form of one list is made once; bounded in bytes."""

from collections.abc import Callable

from moka_py import Moka
from msgspec import Struct

OVERHEAD_BYTES = 1_000
"""As of an answer: service/cache/local.py."""
KEPT_S = 300.0


class Rendering(Struct, frozen=True):
    """A body, and the content coding it is in; "identity" for none."""

    body: bytes
    coding: str


class Rendered:
    """The renderings used most, by ETag: it names the list and the form, so none is ever stale."""

    def __init__(self, capacity_bytes: int) -> None:
        self._kept: Moka[bytes, Rendering] = Moka(
            capacity_bytes,
            ttl=KEPT_S,
            weigher=lambda etag, made: len(etag) + len(made.body) + OVERHEAD_BYTES,
        )

    @property
    def weight(self) -> int:
        """Bytes held, after pending evictions."""
        self._kept.run_pending_tasks()
        return self._kept.weighted_size()

    def get(self, etag: bytes, make: Callable[[], Rendering]) -> Rendering:
        """What is kept under this ETag, or what `make` makes."""
        kept = self._kept.get(etag)
        if kept is None:
            kept = make()
            self._kept.set(etag, kept)
        return kept
