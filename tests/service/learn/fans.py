"""Listeners of three tastes that nothing but co-listening tells apart, and what spoils a model."""

import random

import numpy as np
from scipy.sparse import csr_array

from service.learn.interactions import Interactions
from service.learn.training import fit_model
from service.model.version import Model
from tests import worlds
from tests.service.given import NOON, catalogue, track

TRACKS = [track(one.id) for one in worlds.tracks()]
KNOWN = catalogue(*TRACKS)
PER_TASTE, PLAYED = 40, 12
Pairs = dict[tuple[str, str], float]  # (user, track) -> when


def fans(*, played: int = PLAYED) -> Pairs:
    """Everybody's first so many tracks of a dozen, of one taste each."""
    draw, pairs = random.Random(5), {}
    for taste in worlds.TASTES:
        for user in range(PER_TASTE):
            tracks = draw.sample(range(worlds.TRACKS_PER_TASTE), PLAYED)
            for turn, number in enumerate(tracks[:played]):
                pairs[f"{taste}-u{user}", f"{taste}{number:02}"] = float(turn + 1)
    return pairs


def flood(count: int, *, at: float) -> Pairs:
    """New listeners who play jazz and metal as if they were one, all at one moment."""
    draw = random.Random(9)
    return {
        (f"fake{user}", f"{taste}{number:02}"): at
        for user in range(count)
        for taste in ("jazz", "metal")
        for number in draw.sample(range(worlds.TRACKS_PER_TASTE), 5)
    }


def interactions(pairs: Pairs) -> Interactions:
    """As if they had been read from a store."""
    users = sorted({user for user, _ in pairs})
    place = {user: number for number, user in enumerate(users)}
    ordered = sorted((place[user], KNOWN.rows[one], at) for (user, one), at in pairs.items())
    rows, columns, times = zip(*ordered, strict=True)
    shape = (len(users), KNOWN.size)
    matrix = csr_array((np.ones(len(rows), np.float32), (rows, columns)), shape=shape)
    matrix.sort_indices()
    return Interactions(users, matrix, np.array(times))


def fitted(pairs: Pairs, version: str, champion: Model | None = None, **more) -> Model:
    """A model of these pairs, judged against the champion."""
    return fit_model(
        interactions(pairs),
        KNOWN,
        version=version,
        fitted_at=NOON,
        progress=lambda _: None,
        champion=champion,
        **more,
    )
