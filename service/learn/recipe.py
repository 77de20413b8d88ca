"""The choices of a fit, and how the item-to-item model is made.

Ridge regression of every track on all others without itself (EASE, Steck 2019), with a penalty that
grows with the track's listeners (the dropout of EDLAE, Steck 2020), cut to the strongest
neighbours. Artists and albums take part as extra listeners who played all of their own tracks: that
ties rare tracks to their like. Hidden directions of taste stand beside it (`service.learn.latent`).

Chosen on validation rows (docs/adr/0005 and 0008). On protocol N plain EASE gave NDCG@20 .1760
there, the growing penalty .1842, artists and albums as extra listeners .1890.
"""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from core.ease import Interactions, ease
from core.linear import ItemWeights, truncate
from service.learn.solvers import HERE, Solvers
from service.model.catalogue import Catalogue

MOST_TRACKS = 12_000
"""Tracks that get a column, most listeners first: the dense matrix takes 4 n^2 bytes, 576 MB."""


class Recipe(Struct, frozen=True, kw_only=True):
    """The choices of one fit."""

    l2: float = 70.0
    l2_per_listener: float = 2.0
    kinship: float = 2.0  # weight of an artist's or album's extra row, in its Gram matrix
    popularity_exponent: float = 0.15
    neighbours: int = 400
    least_listeners: int = 2  # one listener says nothing about whom else a track is for
    directions: int = 64  # of the spectral part
    track_exponent: float = 0.3
    target_exponent: float = 0.2
    factors: int = 128  # dimensions of implicit ALS
    alpha: float = 20.0
    factors_l2: float = 100.0


DEFAULT = Recipe()
"""Flat around the optimum of N and S alike: what new data starts with."""


def item_weights(
    matrix: Interactions, catalogue: Catalogue, recipe: Recipe, solvers: Solvers = HERE
) -> ItemWeights:
    """The item-to-item model of these interactions (users, tracks)."""
    listeners = np.bincount(matrix.indices, minlength=matrix.shape[1])
    heard = np.flatnonzero(listeners >= recipe.least_listeners)
    if heard.size > MOST_TRACKS:
        heard = np.sort(np.argsort(-listeners, kind="stable")[:MOST_TRACKS])
    plays, counts = csr_array(matrix[:, heard]), listeners[heard].astype(np.float32)
    plays.sort_indices()
    kin = [
        _extra_rows(codes[heard], recipe.kinship) for codes in (catalogue.artists, catalogue.albums)
    ]
    extended = csr_array(vstack([plays, *kin]))
    extended.sort_indices()
    dense = ease(extended, l2=recipe.l2 + recipe.l2_per_listener * counts, inverse=solvers.inverse)
    dense *= counts**-recipe.popularity_exponent
    return truncate(dense, recipe.neighbours, tracks=heard.astype(np.int32), n=matrix.shape[1])


def _extra_rows(codes: NDArray[np.int32], weight: float) -> csr_array:
    """One row per code with more than one track: sqrt(weight) where the track carries it."""
    known = np.flatnonzero(codes >= 0)
    _, rows, sizes = np.unique(codes[known], return_inverse=True, return_counts=True)
    shared = sizes[rows] > 1
    values = np.full(int(shared.sum()), np.sqrt(weight), np.float32)
    return csr_array((values, (rows[shared], known[shared])), shape=(sizes.size, codes.size))
