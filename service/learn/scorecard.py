"""All that is said about one way to make lists: quality, how sure, for whom, at what cost."""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from core import evaluation
from core.bootstrap import bootstrap
from service.learn.evaluation import Quality, Shown, judge, truth_of
from service.learn.footprint import Footprint

SEED = 0
COLD_TRACK = 5
"""Listeners, at most, of a track that counts as cold."""
COLD_USER = 10
"""Tracks, at most, of a user who counts as cold."""


class Interval(Struct, frozen=True):
    """Where a mean lies with 95 % (bootstrap over users)."""

    low: float
    high: float


class Slice(Struct, frozen=True):
    """Some of the users, or of what they should have been shown."""

    users: int  # with something to find in this slice
    recall: float
    ndcg: float


class Scorecard(Struct, frozen=True, kw_only=True):
    """One row of the table. `fit_s` and `peak_mb` are None for what needed no fit of its own."""

    quality: Quality
    intervals: dict[str, Interval]  # of recall, ndcg and mrr
    slices: dict[str, Slice]
    fit_s: float | None = None
    peak_mb: float | None = None
    options: dict[str, float] = {}  # that a baseline was chosen with


class Comparison(Struct, frozen=True):
    """NDCG of one way less that of another, over the same users."""

    difference: float
    low: float
    high: float


class Exam(Struct, frozen=True, kw_only=True):
    """Who is asked, what is right, and what was known: the same for everybody who sits it."""

    users: NDArray[np.int64]  # rows of `heard`, those with something to find
    truth: csr_array  # rows as in `users`
    heard: csr_array


def exam(test: csr_array, heard: csr_array) -> Exam:
    """The exam that the rows of `test` make."""
    users = np.flatnonzero(np.diff(test.indptr))
    return Exam(users=users, truth=csr_array(test[users]), heard=heard)


def mark(
    of: Exam,
    shown: Shown,
    footprint: Footprint | None = None,
    *,
    options: dict[str, float] | None = None,
) -> Scorecard:
    """Judge the lists of the users of an exam."""
    wanted = truth_of(of.truth)
    per_user = {
        "recall": evaluation.recall(shown, wanted),
        "ndcg": evaluation.ndcg(shown, wanted),
        "mrr": evaluation.mrr(shown, wanted),
    }
    return Scorecard(
        quality=judge(shown, of.truth, of.heard),
        intervals={name: _interval(values) for name, values in per_user.items()},
        slices={
            "cold tracks": _slice(shown, _of_cold_tracks(of)),
            "cold users": _slice(shown, _of_cold_users(of)),
        },
        fit_s=footprint.seconds if footprint else None,
        peak_mb=footprint.peak_mb if footprint else None,
        options=options or {},
    )


def compare(of: Exam, ours: Shown, theirs: Shown) -> Comparison:
    """NDCG of `ours` less that of `theirs`, user by user."""
    wanted = truth_of(of.truth)
    gain = evaluation.ndcg(ours, wanted) - evaluation.ndcg(theirs, wanted)
    low, high = bootstrap(gain, rng=np.random.default_rng(SEED))
    return Comparison(float(np.nanmean(gain)), low, high)


def _interval(values: NDArray[np.float64]) -> Interval:
    return Interval(*bootstrap(values, rng=np.random.default_rng(SEED)))


def _of_cold_tracks(of: Exam) -> csr_array:
    listeners = np.bincount(of.heard.indices, minlength=of.heard.shape[1])
    return _only(of.truth @ diags_array((listeners <= COLD_TRACK).astype(np.float32)))


def _of_cold_users(of: Exam) -> csr_array:
    tracks = np.diff(of.heard.indptr)[of.users]
    return _only(diags_array((tracks <= COLD_USER).astype(np.float32)) @ of.truth)


def _only(matrix: csr_array) -> csr_array:
    kept = csr_array(matrix)
    kept.eliminate_zeros()
    kept.sort_indices()
    return kept


def _slice(shown: Shown, truth: csr_array) -> Slice:
    users = np.flatnonzero(np.diff(truth.indptr))
    if not users.size:
        return Slice(0, float("nan"), float("nan"))
    wanted = truth_of(csr_array(truth[users]))
    return Slice(
        int(users.size),
        float(evaluation.recall(shown[users], wanted).mean()),
        float(evaluation.ndcg(shown[users], wanted).mean()),
    )
