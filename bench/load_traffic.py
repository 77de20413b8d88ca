"""Requests as many listeners send them: some often, most seldom, a few of them listens."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import msgspec
import numpy as np

WRITES = 0.05  # share of requests which are listens
ORDER = 0  # of the users by how much they ask
BLOCK = 10_000  # draws made at once: 0.1 s of 100,000 requests a second


def zipf(n: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Cumulated shares (n,) of n ranks, the share of rank r being proportional to 1 / r."""
    shares = 1 / np.arange(1, n + 1)
    cumulated: np.ndarray[tuple[int], np.dtype[np.float64]] = np.cumsum(shares) / shares.sum()
    return cumulated


def draws(
    users: Sequence[str], tracks: Sequence[str], *, seed: int, writes: float = WRITES
) -> Iterator[tuple[str, str]]:
    """Users without end, each with a track to listen to or with "", who asks for a list.

    Users are drawn by Zipf(1.0) in a shuffled order, which is the same for every seed: whoever asks
    much in one run asks much in the next. Who reads much writes much.
    """
    order = np.random.default_rng(ORDER).permutation(len(users))
    draw, cumulated = np.random.default_rng(seed), zipf(len(users))
    while True:
        ranks = np.minimum(np.searchsorted(cumulated, draw.random(BLOCK)), len(users) - 1)
        heard = draw.integers(len(tracks), size=BLOCK)
        is_write = draw.random(BLOCK) < writes
        for user, track, write in zip(order[ranks], heard, is_write, strict=True):
            yield users[user], tracks[track] if write else ""


def traffic(
    users: Sequence[str], tracks: Sequence[str], *, seed: int, writes: float = WRITES
) -> Iterator[bytes]:
    """Requests without end, as `draws` has them.

    The same seed draws the same users, tracks and listen ids.
    """
    for number, (user, track) in enumerate(draws(users, tracks, seed=seed, writes=writes), 1):
        if track:
            at = datetime.now(UTC).isoformat()
            yield listen(user, track, at=at, number=f"load-{seed}-{number}")
        else:
            yield recommendations(user)


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
