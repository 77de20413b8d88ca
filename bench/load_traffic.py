"""Requests as many listeners send them: some often, most seldom, a few of them listens."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import msgspec
import numpy as np

WRITES = 0.05  # share of requests which are listens
BLOCK = 10_000  # draws made at once: 0.1 s of 100,000 requests a second


def zipf(n: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Cumulated shares (n,) of n ranks, the share of rank r being proportional to 1 / r."""
    shares = 1 / np.arange(1, n + 1)
    cumulated: np.ndarray[tuple[int], np.dtype[np.float64]] = np.cumsum(shares) / shares.sum()
    return cumulated


def traffic(
    users: Sequence[str], tracks: Sequence[str], *, seed: int, writes: float = WRITES
) -> Iterator[bytes]:
    """Requests without end: lists and listens of users drawn by Zipf(1.0) in a shuffled order.

    Who reads much writes much. The same seed draws the same users, tracks and listen ids; the
    listens' time is that of the block they were drawn in.
    """
    draw = np.random.default_rng(seed)
    order, cumulated = draw.permutation(len(users)), zipf(len(users))
    number = 0
    while True:
        ranks = np.minimum(np.searchsorted(cumulated, draw.random(BLOCK)), len(users) - 1)
        heard = draw.integers(len(tracks), size=BLOCK)
        is_write = draw.random(BLOCK) < writes
        at = datetime.now(UTC).isoformat()
        for user, track, write in zip(order[ranks], heard, is_write, strict=True):
            number += 1
            if write:
                yield listen(users[user], tracks[track], at=at, number=f"load-{seed}-{number}")
            else:
                yield recommendations(users[user])


def recommendations(user: str) -> bytes:
    """GET a list of twenty."""
    return (
        f"GET /v1/users/{user}/recommendations?limit=20 HTTP/1.1\r\nhost: load\r\n\r\n"
    ).encode()


def listen(user: str, track: str, *, at: str, number: str) -> bytes:
    """POST one listen; `number` is its id, sent again it is harmless."""
    body = msgspec.json.encode({"user_id": user, "track_id": track, "at": at, "id": number})
    return (
        b"POST /v1/listens HTTP/1.1\r\nhost: load\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n%b" % (len(body), body)
    )
