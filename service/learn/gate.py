"""The quality gate: may a fitted candidate serve instead of the version that does?

The model that serves saw all but the newest listens, so the two sit an exam that is new to both:
the newest pairs that the champion was not fitted on, asked of it as it is and of the candidate's
recipe fitted without them. With hardly any such pairs of listeners it knew, the candidate's trial
sits the exam that the champion's trial sat, and is compared with the marks that were kept of it.
docs/adr/0022 says why.
"""

from collections.abc import Mapping

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from core import evaluation
from core.bootstrap import bootstrap
from service.learn.evaluation import Shown, show, truth_of
from service.learn.pairs import held_out, learned
from service.learn.scorecard import COLD_USER, Exam
from service.learn.selection import sample, split
from service.model.current import View
from service.model.verdict import Basis, Figure, Verdict
from service.model.version import Model

K = 10
MOST_LOSS = 0.01
"""Of the champion's NDCG@10."""
FEWEST = 50
"""Listeners below whom a figure says nothing."""
TAIL = 0.2
"""Of all user-track pairs: the long tail are the least heard tracks that have so many together."""
LEVEL = 0.9
"""Of the intervals of a change, so that one whose truth is 0 lies below it once in 20 times."""
SEED = 0

Marks = NDArray[np.float64]  # (listeners, 2): NDCG@10, and of the long tail alone; NaN: nothing due


class Sitting(Struct, frozen=True, kw_only=True):
    """What two models made of one exam."""

    basis: Basis
    listeners: list[str]
    tracks: NDArray[np.int64]  # (listeners,) that each had heard
    known: NDArray[np.bool_]  # (listeners,) to the champion
    champion: Marks
    candidate: Marks


def newer_exam(
    champion: Model, users: list[str], heard: csr_array, newer: csr_array
) -> Exam | None:
    """The exam of pairs that are newer; None where too few listeners were known to the champion.

    A flood of new listeners alone must not decide: it may have spoiled the others' lists.
    """
    asked = sample(_of_listeners(newer, heard))
    if _known(champion, users, asked).sum() < FEWEST:
        return None
    return Exam(users=asked, truth=csr_array(newer[asked]), heard=heard)


def sit_newer(view: View, champion: Model, users: list[str], exam: Exam) -> Sitting:
    """The exam of pairs that neither model was fitted on.

    Args:
        view: The candidate's recipe, fitted on what was heard.
        champion: As it was published.
        users: Ids, by row of what was heard.
        exam: Of pairs that are newer.
    """
    heard, asked = exam.heard, list(exam.users)
    tail = long_tail(champion.listener_counts, size=heard.shape[1])
    served = structs.replace(view, model=champion, online=champion.latent.online)
    return Sitting(
        basis="newer",
        listeners=[users[user] for user in asked],
        tracks=np.diff(heard.indptr)[asked],
        known=_known(champion, users, exam.users),
        champion=marks(show(served, heard, asked, K), exam.truth, tail),
        candidate=marks(show(view, heard, asked, K), exam.truth, tail),
    )


def sit_trial(view: View, champion: Model, users: list[str]) -> Sitting | None:
    """The exam that the champion's trial sat, whole; None when too few of its marks were kept.

    The same listeners with the same listens are asked, the same tracks are right and may be shown:
    what came since has its say in the model alone.

    Args:
        view: The candidate's trial, fitted without the pairs that are held out.
        champion: With the marks of its own trial.
        users: Everybody's ids.
    """
    if champion.trial is None or not len(champion.trial):
        return None
    then = learned(champion, users, view.catalogue.size)
    heard, due = split(then, held_out(users, then))
    place = {user: number for number, user in enumerate(users)}
    ids = champion.listeners.ids
    marked = {place.get(ids[one], -1): one for one in np.flatnonzero(champion.trial[:, 0] >= 0)}
    asked = np.intersect1d(list(marked), np.flatnonzero(np.diff(due.indptr)))
    if asked.size < FEWEST:
        return None
    tail = long_tail(champion.listener_counts, size=view.catalogue.size)
    shown = show(view, heard, list(asked), K, among=champion.tracks)
    kept = champion.trial[[marked[row] for row in asked.tolist()]].astype(np.float64)
    return Sitting(
        basis="trial",
        listeners=[users[user] for user in asked],
        tracks=np.diff(heard.indptr)[asked],
        known=np.ones(asked.size, np.bool_),
        champion=np.where(kept < 0, np.nan, kept),
        candidate=marks(shown, csr_array(due[asked]), tail),
    )


def verdict_of(sitting: Sitting | None, champion: str, countries: Mapping[str, str]) -> Verdict:
    """Whether the candidate is as good as the champion, for everybody and in each slice.

    Worse is a figure that is more than `MOST_LOSS` below the champion's by more than chance: the
    interval of the change has to lie below 0. The slices share one `LEVEL` among them.
    """
    if sitting is None:
        why = f"fewer than {FEWEST} listeners to compare it with {champion} by"
        return Verdict(passed=True, why=why, champion=champion)
    figures = _figures(sitting, countries)
    worse = [name for name, figure in figures.items() if _worse(figure)]
    on = "listens newer than both" if sitting.basis == "newer" else "what both had held out"
    if worse:
        told = "; ".join(f"{name} {_told(figures[name])}" for name in worse)
        why = f"worse than {champion} on {on}: {told}"
    else:
        why = f"no worse than {champion} on {on}: {_told(figures['all'])}"
    return Verdict(
        passed=not worse, why=why, basis=sitting.basis, champion=champion, figures=figures
    )


def marks(shown: Shown, truth: csr_array, tail: NDArray[np.bool_]) -> Marks:
    """What each listener's list is worth; `tail` (tracks,) are the tracks of the second column."""
    rare = csr_array(truth @ diags_array(tail.astype(np.float32)))
    rare.eliminate_zeros()
    rare.sort_indices()
    first = np.ascontiguousarray(shown[:, :K])
    return np.column_stack([evaluation.ndcg(first, truth_of(one)) for one in (truth, rare)])


def long_tail(listeners: NDArray[np.int32], *, size: int) -> NDArray[np.bool_]:
    """Bool (size,): the least heard tracks, and those beyond the counts, which are newer."""
    order = np.argsort(-listeners, kind="stable")
    before = np.cumsum(listeners[order]) - listeners[order]
    tail = np.ones(size, np.bool_)
    tail[order[before < (1 - TAIL) * listeners.sum()]] = False
    return tail


def _known(champion: Model, users: list[str], asked: NDArray[np.int64]) -> NDArray[np.bool_]:
    known: NDArray[np.bool_] = np.isin([users[user] for user in asked], champion.listeners.ids)
    return known


def _of_listeners(due: csr_array, heard: csr_array) -> csr_array:
    """What is due to those who heard something: the others have no list of their own."""
    some = diags_array((np.diff(heard.indptr) > 0).astype(np.float32))
    kept = csr_array(some @ due)
    kept.eliminate_zeros()
    kept.sort_indices()
    return kept


def _figures(sitting: Sitting, countries: Mapping[str, str]) -> dict[str, Figure]:
    everybody = np.ones(len(sitting.listeners), np.bool_)
    slices = {
        "all": (everybody, 0),
        "known": (sitting.known, 0),
        "new": (sitting.tracks <= COLD_USER, 0),
        "long tail": (everybody, 1),
    }
    homes = np.array([countries.get(listener, "") for listener in sitting.listeners])
    for home in sorted({*homes.tolist()} - {""}):
        slices[f"country {home}"] = (homes == home, 0)
    pairs = {}
    for name, (of, column) in slices.items():
        both = np.column_stack([sitting.champion[of, column], sitting.candidate[of, column]])
        both = both[~np.isnan(both).any(axis=1)]
        if len(both) >= FEWEST:
            pairs[name] = both
    shared = 1 - (1 - LEVEL) / max(len(pairs) - 1, 1)
    return {name: _figure(both, LEVEL if name == "all" else shared) for name, both in pairs.items()}


def _figure(both: Marks, level: float) -> Figure:
    champion, candidate = both.mean(axis=0).tolist()
    change = bootstrap(both[:, 1] - both[:, 0], rng=np.random.default_rng(SEED), level=level)
    low, high = (round(one / max(champion, 1e-9), 4) for one in change)
    return Figure(
        listeners=len(both),
        champion=round(champion, 5),
        candidate=round(candidate, 5),
        low=low,
        high=high,
    )


def _worse(figure: Figure) -> bool:
    return figure.candidate < (1 - MOST_LOSS) * figure.champion and figure.high < 0


def _told(figure: Figure) -> str:
    return (
        f"NDCG@10 {figure.candidate:.4f} against {figure.champion:.4f}"
        f" of {figure.listeners} listeners, {figure.low:+.1%} to {figure.high:+.1%}"
    )
