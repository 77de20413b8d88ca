"""From scores to an order people enjoy: the best first, artists spread out, no work twice."""

import numpy as np
from numpy.typing import NDArray

from core.ordering import distinct, space
from service.model.catalogue import Catalogue
from service.recommend.exposure import Charge, choose
from service.recommend.scoring import Total

ARTIST_GAP = 2  # other artists between two tracks of one artist
ARTIST_SHARE = 0.3  # of a list, at most
FEWEST_OF_ONE = 2  # however short the list
POOL = 3  # candidates per place on the list; twice or four times that
WIDEST = 4  # where other recordings of the same works crowd them


def order(
    total: Total,
    eligible: NDArray[np.bool_],
    catalogue: Catalogue,
    limit: int,
    *,
    charge: Charge | None = None,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Rows and scores of the list, best first but for artist spacing; short when few are left.

    Of several recordings of a work only the best is listed, so two are never side by side. A charge
    decides who is on the list; their order and scores are those before the charge.
    """
    rows, best = candidates(total.where(eligible), catalogue, limit, charge=charge)
    places = spaced(rows, catalogue, limit)
    if charge is not None:
        places = places[np.argsort(-best[places], kind="stable")]
        places = places[spaced(rows[places], catalogue, limit)]
    return rows[places], best[places]


def candidates(
    total: Total,
    catalogue: Catalogue,
    limit: int,
    *,
    charge: Charge | None = None,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Rows and scores of the best works, best first: enough to fill and to space a list.

    Best first after the charge, scores before it.
    """
    for widening in (1, 2, WIDEST):
        pool = limit * POOL * widening
        rows, best = choose(total, pool, charge)
        first = distinct(catalogue.works[rows])
        if first.size >= limit or rows.size < pool:
            break
    return rows[first], best[first]


def spaced(rows: NDArray[np.int32], catalogue: Catalogue, limit: int) -> NDArray[np.int32]:
    """Positions of the candidates to list, in order."""
    cap = max(FEWEST_OF_ONE, round(limit * ARTIST_SHARE))
    return space(catalogue.artists[rows], limit, gap=ARTIST_GAP, cap=cap)
