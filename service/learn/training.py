"""One fit: choose the blend on held-out plays, judge it there, then learn from everything."""

from collections.abc import Callable
from datetime import datetime

import numpy as np
from msgspec import structs
from scipy.sparse import csr_array

from core.linear import ItemWeights
from core.neighbours import ByTrack
from service.domain import Part
from service.learn.evaluation import Quality, judge, show, trial_model
from service.learn.interactions import Interactions
from service.learn.latent import fit_latent, of_use
from service.learn.prices import DEFAULT as UNSAID
from service.learn.prices import Target, fit_prices
from service.learn.recipe import DEFAULT, Recipe, item_weights
from service.learn.selection import choose_blend, hold_out
from service.model.catalogue import Catalogue
from service.model.current import View
from service.model.latent import NOTHING_LATENT, Latent
from service.model.version import BlendWeights, Listeners, Model

K = 20
JUDGED_USERS = 1_000


def fit_model(
    interactions: Interactions,
    catalogue: Catalogue,
    *,
    version: str,
    fitted_at: datetime,
    progress: Callable[[float], None],
    recipe: Recipe = DEFAULT,
    target: Target = UNSAID,
) -> Model:
    """A model of everything in `interactions`, with its quality on a tenth it was checked on."""
    matrix = interactions.matrix
    heard, held_out = hold_out(matrix)
    items, latent = item_weights(heard, catalogue, recipe), fit_latent(heard, recipe)
    trial = view_of(items, heard, catalogue, BlendWeights(), latent=latent)
    progress(0.3)
    blend = choose_blend(
        trial, heard, held_out, k=K, progress=lambda share: progress(0.3 + 0.3 * share)
    )
    metrics = _metrics(view_of(items, heard, catalogue, blend, latent=latent), heard, held_out)
    progress(0.7)
    model = Model(
        version=version,
        fitted_at=fitted_at,
        tracks=catalogue.size,
        items=item_weights(matrix, catalogue, recipe),
        listener_counts=np.bincount(matrix.indices, minlength=catalogue.size).astype(np.int32),
        listeners=_listeners(interactions),
        latent=fit_latent(matrix, recipe, wanted=of_use(blend)),
        blend=blend,
        metrics=metrics,
    )
    progress(0.85)
    view = view_of(model.items, matrix, catalogue, blend, latent=model.latent)
    priced = fit_prices(
        view, matrix, k=K, target=target,
        progress=lambda share: progress(0.85 + 0.15 * share),
    )  # fmt: skip
    return structs.replace(model, prices=priced)


def view_of(
    items: ItemWeights,
    heard: csr_array,
    catalogue: Catalogue,
    blend: BlendWeights,
    *,
    latent: Latent = NOTHING_LATENT,
) -> View:
    """A trial model as something that can be asked; what trends is who is liked by most."""
    model = trial_model(items, heard, blend, latent=latent)
    return View(catalogue, model, np.log1p(model.listener_counts, dtype=np.float32))


def _metrics(view: View, heard: csr_array, held_out: csr_array) -> dict[str, float]:
    users = np.flatnonzero(np.diff(held_out.indptr))[:JUDGED_USERS]
    if not users.size:
        return {}
    truth = held_out[users]
    algorithms: dict[str, Part | None] = {
        "hybrid": None,
        "collaborative": "collaborative",
        "trending": "trending",
    }
    metrics = {}
    for name, part in algorithms.items():
        quality: Quality = judge(show(view, heard, list(users), K, only=part), truth, heard)
        for metric in quality.__struct_fields__:
            metrics[f"{name}.{metric}"] = round(getattr(quality, metric), 4)
    return metrics


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
