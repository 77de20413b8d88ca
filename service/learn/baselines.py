"""What people would use instead, fitted on the same plays and judged by the same exam.

Popularity, item-kNN (cosine), plain EASE, and the ALS and BPR of `implicit`, which is no dependency
of the service: without it those two are left out. Each has a small grid; NDCG on validation rows
chooses.
"""

from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from itertools import product
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from core import evaluation
from core.ease import ease
from core.topk import topk
from service.learn.evaluation import Shown, truth_of
from service.learn.footprint import Footprint, measured
from service.learn.scorecard import exam

BLOCK = 256  # users scored at once
SEED = 0
BPR_ROUNDS, ALS_ROUNDS = 100, 15  # the defaults of implicit

F32 = NDArray[np.float32]
Options = dict[str, float]
Scores = Callable[[NDArray[np.int64]], F32]  # users to float32 (users, n)


class Baseline(Struct, frozen=True):
    """A name, a way to fit, and the options to choose among."""

    name: str
    fit: Callable[[csr_array, Options], Scores]
    grid: dict[str, Sequence[float]] = {}


class Fitted(Struct, frozen=True):
    """A baseline at its best options: its lists on the test users, and what the fit took."""

    options: Options
    shown: Shown
    footprint: Footprint


def popularity(heard: csr_array, _options: Options) -> Scores:
    """Everybody gets what most listeners have."""
    counts = np.bincount(heard.indices, minlength=heard.shape[1]).astype(np.float32)
    return lambda users: np.tile(counts, (users.size, 1))


def item_knn(heard: csr_array, options: Options) -> Scores:
    """The sum of cosines to what was heard, over each track's nearest (Sarwar et al. 2001)."""
    lengths = np.sqrt(heard.multiply(heard).sum(axis=0))
    units = csr_array(heard @ diags_array(1 / np.maximum(lengths, 1e-9)))
    alike = csr_array(units.T @ units)
    alike.setdiag(0)
    weights = _strongest(alike, int(options["neighbours"]))
    return lambda users: np.asarray((heard[users] @ weights).toarray(), np.float32)


def plain_ease(heard: csr_array, options: Options) -> Scores:
    """EASE with one penalty (Steck 2019)."""
    dense = ease(heard, l2=options["l2"])
    return lambda users: np.asarray(heard[users] @ dense, np.float32)


def implicit_als(heard: csr_array, options: Options) -> Scores:
    """AlternatingLeastSquares of implicit."""
    from implicit.cpu.als import AlternatingLeastSquares

    make = partial(
        AlternatingLeastSquares, factors=int(options["factors"]),
        regularization=options["regularization"], iterations=ALS_ROUNDS,
    )  # fmt: skip
    return _factors(make, heard)


def implicit_bpr(heard: csr_array, options: Options) -> Scores:
    """BayesianPersonalizedRanking of implicit; on one thread, or no two runs were the same."""
    from implicit.cpu.bpr import BayesianPersonalizedRanking

    make = partial(
        BayesianPersonalizedRanking, factors=int(options["factors"]),
        learning_rate=options["learning_rate"], iterations=BPR_ROUNDS,
    )  # fmt: skip
    return _factors(make, heard)


OURS = (
    Baseline("popularity", popularity),
    Baseline("item-kNN", item_knn, {"neighbours": (50, 200)}),
    Baseline("EASE", plain_ease, {"l2": (100, 200, 400)}),
)
OF_IMPLICIT = (
    Baseline("implicit ALS", implicit_als, {"factors": (64,), "regularization": (0.01, 1.0)}),
    Baseline("implicit BPR", implicit_bpr, {"factors": (64,), "learning_rate": (0.01, 0.05)}),
)
WITHOUT_IMPLICIT = "implicit is not installed: its ALS and BPR are left out (pip install implicit)"


def available() -> tuple[Baseline, ...]:
    """Those that can be fitted here."""
    return OURS + (OF_IMPLICIT if find_spec("implicit") else ())


def run(
    baseline: Baseline, fit: csr_array, chosen_on: csr_array, final: csr_array,
    users: NDArray[np.int64], *, k: int,
) -> Fitted:  # fmt: skip
    """Choose the options on validation rows, fit on `final`, make the lists of `users`."""
    every = [
        dict(zip(baseline.grid, values, strict=True)) for values in product(*baseline.grid.values())
    ]
    options = every[0]
    if len(every) > 1:
        of = exam(chosen_on, fit)
        wanted = truth_of(of.truth)

        def ndcg(options: Options) -> float:
            shown = _show(baseline.fit(fit, options), fit, of.users, k)
            return float(evaluation.ndcg(shown, wanted).mean())

        options = max(every, key=ndcg)
    with measured() as footprint:
        scores = baseline.fit(final, options)
    return Fitted(options, _show(scores, final, users, k), footprint)


def _show(scores: Scores, heard: csr_array, users: NDArray[np.int64], k: int) -> Shown:
    shown = np.full((users.size, k), -1, np.int32)
    for start in range(0, users.size, BLOCK):
        block = users[start : start + BLOCK]
        found = scores(block)
        found[heard[block].nonzero()] = -np.inf
        for place, of_user in enumerate(found, start):
            rows, _ = topk(of_user, k)
            shown[place, : len(rows)] = rows
    return shown


def _factors(make: Callable[..., Any], heard: csr_array) -> Scores:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it would like BLAS to have one thread
        model = make(random_state=SEED, num_threads=1)
        model.fit(heard.tocsr(), show_progress=False)
    users_by, tracks_by = np.asarray(model.user_factors), np.asarray(model.item_factors)
    return lambda users: np.asarray(users_by[users] @ tracks_by.T, np.float32)


def _strongest(alike: csr_array, most: int) -> csr_array:
    """Keep the `most` greatest entries of each column; the lower row first in a tie."""
    by_column = csr_array(alike.T)
    for row in range(by_column.shape[0]):
        part = slice(by_column.indptr[row], by_column.indptr[row + 1])
        values = by_column.data[part]
        if values.size > most:
            values[np.argsort(-values, kind="stable")[most:]] = 0
    by_column.eliminate_zeros()
    return csr_array(by_column.T)
