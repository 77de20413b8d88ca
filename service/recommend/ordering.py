"""From scores to an order people enjoy: the best first, artists spread out."""

import numpy as np
from numpy.typing import NDArray

from core.ordering import space
from service.model.catalogue import Catalogue
from service.recommend.exposure import Charge, choose

ARTIST_GAP = 2  # other artists between two tracks of one artist
ARTIST_SHARE = 0.3  # of a list, at most
FEWEST_OF_ONE = 2  # however short the list
POOL = 3  # candidates per place on the list


def order(
    scores: NDArray[np.float32],
    eligible: NDArray[np.bool_],
    catalogue: Catalogue,
    limit: int,
    *,
    charge: Charge | None = None,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Rows and scores of the list, best first but for artist spacing; short when few are left.

    A charge decides who is on the list; their order and scores are those before the charge.
    """
    masked = np.where(eligible, scores, -np.inf).astype(np.float32)
    rows, best = choose(masked, limit * POOL, charge)
    cap = max(FEWEST_OF_ONE, round(limit * ARTIST_SHARE))
    places = space(catalogue.artists[rows], limit, gap=ARTIST_GAP, cap=cap)
    if charge is not None:
        places = places[np.argsort(-best[places], kind="stable")]
        places = places[space(catalogue.artists[rows[places]], limit, gap=ARTIST_GAP, cap=cap)]
    return rows[places], best[places]
