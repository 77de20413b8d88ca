"""Listeners of the small world in any number, and who of them asks when."""

import random
from collections.abc import Iterator
from datetime import timedelta
from itertools import accumulate

from service.domain import Listen
from service.store import Store
from tests import worlds

PLAYED = 12
AT_ONCE = 5_000


def names(count: int) -> list[str]:
    """The first of them asks most often."""
    return [f"{worlds.TASTES[n % len(worlds.TASTES)]}-u{n}" for n in range(count)]


async def settle(store: Store, count: int) -> None:
    """The tracks, and so many listeners who played a dozen of one taste each."""
    await store.put_tracks(worlds.tracks())
    draw = random.Random(7)
    batch: list[Listen] = []
    for name in names(count):
        taste = name.partition("-")[0]
        for number in draw.sample(range(worlds.TRACKS_PER_TASTE), PLAYED):
            track, at = f"{taste}{number:02}", worlds.YESTERDAY + timedelta(seconds=number)
            batch.append(Listen(id=f"{name}-{number}", user_id=name, track_id=track, at=at))
        if len(batch) > AT_ONCE:
            await store.append(batch)
            batch = []
    await store.append(batch)


def zipf(count: int, *, seed: int) -> Iterator[str]:
    """Names without end, drawn by Zipf(1.0)."""
    draw, known = random.Random(seed), names(count)
    shares = list(accumulate(1 / rank for rank in range(1, count + 1)))
    while True:
        yield from draw.choices(known, cum_weights=shares, k=1_000)
