"""The list itself: by mix, then in the flow that was asked for."""

import numpy as np
from numpy.typing import NDArray

from core.flow import flow
from core.ordering import distinct
from service.domain import FEATURES
from service.model.catalogue import Catalogue
from service.recommend.ask import Ask
from service.recommend.exposure import Charge
from service.recommend.ordering import ARTIST_GAP, candidates, order, spaced
from service.recommend.scoring import Total

Rows = NDArray[np.int32]
Scores = NDArray[np.float32]

FAMILIAR_SHARE = 0.5
"""Of a "blend": every second place is something heard, while there is enough of both."""
FLOWING = [FEATURES.index("tempo"), FEATURES.index("energy")]
REACH = 3  # places a track may move for the flow


def arrange(
    total: Total,
    allowed: NDArray[np.bool_],
    heard: Rows,
    catalogue: Catalogue,
    ask: Ask,
    *,
    charge: Charge | None = None,
) -> tuple[Rows, Scores]:
    """Rows and scores of the list that was asked for; `heard` tracks are what "blend" blends in.

    A charge is for what is new to the listener.
    """
    if ask.mix == "blend" and len(heard):
        rows, best = _blended(total, allowed, heard, catalogue, ask.limit, charge=charge)
    else:
        rows, best = order(total, allowed, catalogue, ask.limit, charge=charge)
    if ask.flow and len(rows):
        places = flow(
            catalogue.features[FLOWING][:, rows],
            catalogue.artists[rows],
            reach=REACH,
            gap=ARTIST_GAP,
        )
        rows, best = rows[places], best[places]
    return rows, best


def _blended(
    total: Total,
    allowed: NDArray[np.bool_],
    heard: Rows,
    catalogue: Catalogue,
    limit: int,
    *,
    charge: Charge | None,
) -> tuple[Rows, Scores]:
    """The best new and the best heard tracks in turn, artists apart."""
    known = np.zeros(total.size, np.bool_)
    known[heard] = True
    rows, best, turns = [], [], []
    for kind, share, costs in (
        (~known, 1 - FAMILIAR_SHARE, charge),
        (known, FAMILIAR_SHARE, None),
    ):
        wanted = total.where(allowed & kind)
        of_kind, scores = candidates(wanted, catalogue, limit, charge=costs)
        rows.append(of_kind)
        best.append(scores)
        turns.append((np.arange(len(of_kind)) + 1) / share)
    in_turn = np.argsort(np.concatenate(turns), kind="stable")
    merged, scores = np.concatenate(rows)[in_turn], np.concatenate(best)[in_turn]
    first = distinct(catalogue.works[merged])
    merged, scores = merged[first], scores[first]
    places = spaced(merged, catalogue, limit)
    return merged[places], scores[places]
