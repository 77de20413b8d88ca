"""Fits hidden directions of taste: spectral, implicit ALS, and factors learned event by event."""

from collections.abc import Collection

import numpy as np
from scipy.sparse import csr_array

from core import als, sgd
from core.spectral import Directions, spectral
from service.domain import Part
from service.learn.recipe import Recipe
from service.learn.solvers import HERE, Solvers
from service.model.latent import Factors, Latent, Online
from service.model.version import BlendWeights
from service.recommend.latent import NEGATIVES, PASSES, RATE, REG, SEED

LATENT: tuple[Part, ...] = ("spectral", "factors", "online")
ITERATIONS = 12
ONLINE_DIMENSIONS = 32
THREADS = 2  # changes no bit


def fit_latent(
    matrix: csr_array,
    recipe: Recipe,
    *,
    wanted: Collection[Part] = LATENT,
    solvers: Solvers = HERE,
) -> Latent:
    """The wanted parts of these interactions (users, tracks)."""
    if not matrix.nnz:
        return Latent()
    return Latent(
        spectral=_spectral(matrix, recipe) if "spectral" in wanted else None,
        factors=_factors(matrix, recipe, solvers) if "factors" in wanted else None,
        online=_online(matrix) if "online" in wanted else None,
    )


def of_use(blend: BlendWeights) -> list[Part]:
    """The parts that have a weight, and that from which learning goes on."""
    return [part for part in LATENT if part == "online" or getattr(blend, part)]


def _spectral(matrix: csr_array, recipe: Recipe) -> Directions | None:
    """Of tracks with enough listeners; the others say nothing."""
    listeners = np.bincount(matrix.indices, minlength=matrix.shape[1])
    kept = np.flatnonzero(listeners >= recipe.least_listeners)
    plays = csr_array(matrix[:, kept])
    plays.sort_indices()
    dimensions = min(recipe.directions, min(plays.shape) - 1)
    if dimensions < 1 or not plays.nnz:
        return None
    found = spectral(
        plays,
        dimensions=dimensions,
        track_exponent=recipe.track_exponent,
        target_exponent=recipe.target_exponent,
    )
    left, right = np.zeros((2, matrix.shape[1], dimensions), np.float32)
    left[kept], right[kept] = found.left, found.right
    return Directions(left, right)


def _factors(matrix: csr_array, recipe: Recipe, solvers: Solvers) -> Factors:
    """Of every track that somebody heard, also beyond those with a column of their own."""
    _, tracks = als.fit(
        matrix, dimensions=recipe.factors, rng=np.random.default_rng(SEED), alpha=recipe.alpha,
        l2=recipe.factors_l2, iterations=ITERATIONS, threads=THREADS,
        half_step=solvers.half_step,
    )  # fmt: skip
    tracks[np.bincount(matrix.indices, minlength=len(tracks)) == 0] = 0  # nothing but its start
    return Factors(tracks=tracks, square=als.gram(tracks), alpha=recipe.alpha, l2=recipe.factors_l2)


def _online(matrix: csr_array) -> Online:
    """One step per listen and per random track that stands for all not heard, pass by pass.

    The listens have no common order once they are folded: they come in a fixed random one.
    """
    rng, pairs = np.random.default_rng(SEED), matrix.tocoo()
    order = rng.permutation(pairs.nnz)
    users = np.repeat(pairs.row[order].astype(np.int32), 1 + NEGATIVES)
    tracks = np.empty((pairs.nnz, 1 + NEGATIVES), np.int32)
    targets = np.zeros(tracks.shape, np.float32)
    targets[:, 0] = pairs.data[order]
    factors = sgd.start(*matrix.shape, ONLINE_DIMENSIONS, rng=rng)
    for _ in range(PASSES):
        tracks[:, 0] = pairs.col[order]
        tracks[:, 1:] = rng.integers(0, matrix.shape[1], (pairs.nnz, NEGATIVES))
        sgd.learn(factors, users, tracks.ravel(), targets.ravel(), learning_rate=RATE, reg=REG)
    return Online(tracks=factors.tracks, biases=factors.track_biases, mean=factors.mean)
