"""Places of a list that are drawn by lot, so that the log can tell what another choice would do.

The first places are as they would be. The last `explored` ones are drawn, each track as likely as
any other, from the tracks that come after: how likely a track was to be there is known, which is
what inverse propensity scoring needs (`service.experiments.off_policy`).
"""

from hashlib import blake2b

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from service.recommend.ask import Ask, Listener

Rows = NDArray[np.int32]
Scores = NDArray[np.float32]

DRAWN_FROM = 5
"""Tracks for every place that is drawn: with more of them each is rarer and says less."""


def widened(ask: Ask) -> Ask:
    """The ask for as many tracks as have to be ranked, to draw from them and to list the rest."""
    explored = _places(ask)
    if not explored:
        return ask
    return structs.replace(ask, limit=ask.limit + explored * (DRAWN_FROM - 1))


def draw(rows: Rows, best: Scores, ask: Ask, listener: Listener) -> tuple[Rows, Scores, bytes]:
    """Of ranked rows those that are listed, their scores, and how likely each was to be listed.

    The chances are float32; empty where nothing is left to chance. The lot is the same for the same
    listener at the same moment: a list can be made again.
    """
    sure = ask.limit - _places(ask)
    pool, places = rows.size - sure, _places(ask)
    if not places or pool <= places:
        return rows[: ask.limit], best[: ask.limit], b""
    named = f"{listener.user.id}\0{listener.now.isoformat() if listener.now else ''}"
    seed = int.from_bytes(blake2b(named.encode(), digest_size=8).digest())
    drawn = np.sort(np.random.default_rng(seed).choice(pool, places, replace=False))
    listed = np.concatenate([np.arange(sure), sure + drawn])
    chances = np.ones(ask.limit, np.float32)
    chances[sure:] = places / pool
    return rows[listed], best[listed], chances.tobytes()


def _places(ask: Ask) -> int:
    return min(ask.tuning.explored, ask.limit)
