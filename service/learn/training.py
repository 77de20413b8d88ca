"""One fit: choose the blend on held-out plays, judge it there, then learn from everything."""

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray
from scipy.sparse import csr_array

from core.neighbours import ByTrack
from service.domain import Part
from service.learn.evaluation import Quality, judge, show, view_of
from service.learn.gate import (
    Sitting,
    long_tail,
    marks,
    newer_exam,
    sit_newer,
    sit_trial,
    verdict_of,
)
from service.learn.interactions import Interactions
from service.learn.latent import fit_latent, of_use
from service.learn.pairs import Mask, held_out, newest_unseen
from service.learn.prices import DEFAULT as UNSAID
from service.learn.prices import Target, fit_prices
from service.learn.recipe import DEFAULT, Recipe, item_weights
from service.learn.selection import choose_blend, split
from service.learn.solvers import HERE, Solvers
from service.model.catalogue import Catalogue
from service.model.current import View
from service.model.verdict import FIRST
from service.model.version import BlendWeights, Listeners, Model

NOWHERE: Mapping[str, str] = MappingProxyType({})
K = 20
JUDGED_USERS = 1_000


class Trial(Struct, frozen=True, kw_only=True):
    """A model fitted on nine tenths, whose blend was chosen on the last one."""

    view: View
    blend: BlendWeights
    heard: csr_array
    held_out: csr_array


def fit_model(
    interactions: Interactions,
    catalogue: Catalogue,
    *,
    version: str,
    fitted_at: datetime,
    progress: Callable[[float], None],
    recipe: Recipe = DEFAULT,
    target: Target = UNSAID,
    champion: Model | None = None,
    countries: Mapping[str, str] = NOWHERE,
    solvers: Solvers = HERE,
) -> Model:
    """A model of everything in `interactions`, with its quality on a tenth it was checked on.

    Args:
        interactions: What everybody likes.
        catalogue: What there is to like.
        version: The name of the model.
        fitted_at: The moment of the fit.
        progress: Told the share that is done.
        recipe: The choices of the fit.
        target: What exposure should be like.
        champion: What serves, as it was published: the model's verdict comes of it.
        countries: Where users live, as far as they said.
        solvers: Who does the heavy steps.
    """
    matrix = interactions.matrix
    newest = None if champion is None else newest_unseen(interactions, champion)
    trial = _try_out(interactions, catalogue, recipe, newest, progress, solvers=solvers)
    blend = trial.blend
    counts = np.bincount(matrix.indices, minlength=catalogue.size).astype(np.int32)
    metrics, marked = _judge(trial, long_tail(counts, size=catalogue.size))
    progress(0.5)
    verdict = FIRST
    if champion is not None and newest is not None:
        sitting = _sit_newer(trial, interactions, recipe, champion, newest, solvers=solvers)
        sitting = sitting or sit_trial(trial.view, champion, interactions.users)
        verdict = verdict_of(sitting, champion.version, countries)
    progress(0.7)
    model = Model(
        version=version,
        fitted_at=fitted_at,
        tracks=catalogue.size,
        items=item_weights(matrix, catalogue, recipe, solvers),
        listener_counts=counts,
        listeners=_listeners(interactions),
        latent=fit_latent(matrix, recipe, wanted=of_use(blend), solvers=solvers),
        blend=blend,
        metrics=metrics,
        trial=marked,
        verdict=verdict,
    )
    progress(0.85)
    view = view_of(model.items, matrix, catalogue, blend, latent=model.latent)
    priced = fit_prices(
        view, matrix, k=K, target=target,
        progress=lambda share: progress(0.85 + 0.15 * share),
    )  # fmt: skip
    return structs.replace(model, prices=priced)


def _try_out(
    interactions: Interactions,
    catalogue: Catalogue,
    recipe: Recipe,
    newest: Mask | None,
    progress: Callable[[float], None],
    *,
    solvers: Solvers,
) -> Trial:
    """No blend is chosen on the `newest` pairs, by which it will be judged."""
    matrix = interactions.matrix
    held = held_out(interactions.users, matrix)
    heard, due = split(matrix, held)
    items = item_weights(heard, catalogue, recipe, solvers)
    latent = fit_latent(heard, recipe, solvers=solvers)
    view = view_of(items, heard, catalogue, BlendWeights(), latent=latent)
    progress(0.25)
    chosen_on = due if newest is None else split(matrix, held & ~newest)[1]
    blend = choose_blend(
        view, heard, chosen_on, k=K, progress=lambda share: progress(0.25 + 0.2 * share)
    )
    view = view_of(items, heard, catalogue, blend, latent=latent)
    return Trial(view=view, blend=blend, heard=heard, held_out=due)


def _sit_newer(
    trial: Trial,
    interactions: Interactions,
    recipe: Recipe,
    champion: Model,
    newest: Mask,
    *,
    solvers: Solvers,
) -> Sitting | None:
    """What both make of pairs that are newer than both: the trial is fitted anew without them."""
    heard, newer = split(interactions.matrix, newest)
    exam = newer_exam(champion, interactions.users, heard, newer)
    if exam is None:
        return None
    catalogue = trial.view.catalogue
    latent = fit_latent(heard, recipe, wanted=of_use(trial.blend), solvers=solvers)
    items = item_weights(heard, catalogue, recipe, solvers)
    view = view_of(items, heard, catalogue, trial.blend, latent=latent)
    return sit_newer(view, champion, interactions.users, exam)


def _judge(trial: Trial, tail: NDArray[np.bool_]) -> tuple[dict[str, float], NDArray[np.float32]]:
    """The quality of the trial, and the marks by which the next candidate is compared with it."""
    view, heard = trial.view, trial.heard
    marked = np.full((heard.shape[0], 2), -1, np.float32)
    users = np.flatnonzero(np.diff(trial.held_out.indptr))[:JUDGED_USERS]
    if not users.size:
        return {}, marked
    truth = csr_array(trial.held_out[users])
    algorithms: dict[str, Part | None] = {
        "hybrid": None,
        "collaborative": "collaborative",
        "trending": "trending",
    }
    metrics = {}
    for name, part in algorithms.items():
        shown = show(view, heard, list(users), K, only=part)
        if part is None:
            marked[users] = np.nan_to_num(marks(shown, truth, tail), nan=-1)
        quality: Quality = judge(shown, truth, heard)
        for metric, value in structs.asdict(quality).items():
            if np.isfinite(value):  # lists of one track have no diversity, and JSON has no NaN
                metrics[f"{name}.{metric}"] = round(value, 4)
    return metrics, marked


def _listeners(interactions: Interactions) -> Listeners:
    matrix = interactions.matrix
    by_track = matrix.tocsc()
    by_track.sort_indices()
    squares = np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel()
    return Listeners(
        ids=interactions.users,
        norms=np.sqrt(squares).astype(np.float32),
        by_track=ByTrack(
            by_track.indptr.astype(np.int64),
            by_track.indices.astype(np.int32),
            by_track.data.astype(np.float32),
        ),
    )
