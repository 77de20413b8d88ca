"""Fits the prices of exposure on the lists of listeners, made by the scores that serve.

Wanted is a mixture: a share of exposure dealt out evenly, the rest as lists deal it out for nothing
(or as weights of the operator's own say), and no less than a floor for artists whom hardly
anybody knows. On protocol K the whole price for such a mixture costs less relevance than a part of
the price for uniform exposure: NDCG@10 .238 against .221 at a Gini of .22 (docs/adr/0009).
"""

from collections.abc import Callable

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.sparse import csr_array

from core import exposure
from service.learn.evaluation import listener_of, parts_of
from service.model.current import View
from service.model.version import BlendWeights, Prices
from service.recommend.scoring import combine

MOST_SCORES = 50_000_000  # float32 held while fitting: 200 MB
MOST_LISTENERS = 2_000
SEED = 2
FEW_LISTENERS = 5
"""An artist with fewer at the fit is new."""


class Target(Struct, frozen=True, kw_only=True):
    """How exposure should be dealt out when the whole price is charged."""

    evenness: float = 0.8  # 0: as lists deal it out for nothing; 1: every track the same
    new_artists: float = 1.0  # what each track of a new artist gets at least, times the mean
    weights: NDArray[np.float64] | None = None  # (tracks,) instead of what lists do for nothing


DEFAULT = Target()


def fit_prices(
    view: View,
    heard: csr_array,
    *,
    k: int,
    target: Target,
    progress: Callable[[float], None],
) -> Prices | None:
    """Prices for `view`'s scores on lists of `k`; None when nobody has a list.

    Args:
        view: What makes the scores; its model and catalogue.
        heard: float32 (users, tracks): whose lists they are, and what is left out of them.
        k: Places on a list.
        target: What the exposure should be like.
        progress: Told the share that is done.
    """
    scores = list_scores(view, heard, listeners_of(heard))
    if not len(scores):
        return None
    progress(0.3)
    free = exposure.exposure(scores, np.zeros(heard.shape[1], np.float32), charge=0, k=k)
    if not free.any():
        return None
    shares = shares_of(target, free, view, heard)
    values = exposure.fit_prices(
        scores, k=k, target=shares, progress=lambda done: progress(0.3 + 0.7 * done)
    )
    return Prices(values=values, shares=shares)


def listeners_of(heard: csr_array) -> NDArray[np.int64]:
    """Listeners with any history, in a fixed random order, as many as memory allows."""
    users = np.flatnonzero(np.diff(heard.indptr))
    most = min(MOST_LISTENERS, max(MOST_SCORES // max(heard.shape[1], 1), 1))
    return np.sort(np.random.default_rng(SEED).permutation(users)[:most])


def list_scores(
    view: View, heard: csr_array, users: NDArray[np.int64], *, everybody: bool = False
) -> NDArray[np.float32]:
    """float32 (users, tracks): scores over each one's best, -inf where heard.

    A listener without a score above 0 is never charged (`recommend.exposure`) and left out, unless
    `everybody` is wanted: then their scores are as they are.
    """
    weights = view.model.blend if view.model else BlendWeights()
    scores = np.full((len(users), heard.shape[1]), -np.inf, np.float32)
    charged = np.zeros(len(users), np.bool_)
    for place, user in enumerate(users):
        listener = listener_of(heard, int(user))
        parts = parts_of(view, listener)
        if not parts:
            continue
        total = combine(parts, weights, view.catalogue.size)[: heard.shape[1]]
        total[listener.history.rows] = -np.inf
        best = np.fmax.reduce(total, initial=-np.inf)
        charged[place] = 0 < best < np.inf
        scores[place] = total / best if charged[place] else total
    return scores if everybody else scores[charged]


def shares_of(
    target: Target, free: NDArray[np.int64], view: View, heard: csr_array
) -> NDArray[np.float64]:
    """float64 (tracks,), sum 1 before the floor: the share of exposure that each track should get.

    Args:
        target: What is wanted.
        free: int64 (tracks,): how often lists show each track when nothing is charged.
        view: Knows whose track it is.
        heard: float32 (users, tracks): who is new.
    """
    base = free.astype(np.float64) if target.weights is None else target.weights
    shares = (1 - target.evenness) * base / base.sum() + target.evenness / base.size
    artists = view.catalogue.artists[: base.size]
    listeners = np.bincount(heard.indices, minlength=base.size)
    known = artists >= 0
    of_artist = np.bincount(artists[known], weights=listeners[known])
    few = known.copy()
    few[known] = of_artist[artists[known]] < FEW_LISTENERS
    return exposure.floor(shares, np.flatnonzero(few), target.new_artists)
