"""Runs a protocol: choose on validation, refit, judge once on test."""

from collections.abc import Callable, Collection
from time import perf_counter

import numpy as np
from msgspec import Struct
from scipy.sparse import csr_array

from service.domain import Part
from service.learn.contenders import judge_all
from service.learn.evaluation import judge, show, view_of
from service.learn.footprint import measured
from service.learn.latent import LATENT, fit_latent, of_use
from service.learn.pareto import Pareto, Split, turn
from service.learn.protocol import Protocol
from service.learn.recipe import Recipe, item_weights
from service.learn.scorecard import Comparison, Scorecard
from service.learn.selection import choose_blend, sample
from service.model.catalogue import Catalogue
from service.model.current import View
from service.model.version import BlendWeights

TOGETHER = BlendWeights(artist=0, genre=0, audio=0, trending=0)
"""What recipes are compared by: all that comes of co-listening."""


class Outcome(Struct, frozen=True, kw_only=True):
    """What one run found."""

    protocol: str
    k: int
    users: int
    tracks: int
    recipe: Recipe
    blend: BlendWeights
    validation: dict[str, float]  # NDCG of each candidate recipe
    bars: dict[str, float]
    judged: str  # the row that the bars are for
    rows: dict[str, Scorecard]  # parts alone, the blend, the blend as served, baselines
    against: dict[str, Comparison]  # the blend less each baseline
    without: dict[str, Comparison]  # the blend less the blend without a part
    left_out: str  # why baselines are missing, if any are
    seconds: dict[str, float]
    pareto: Pareto | None = None  # where the protocol has goals


def run_protocol(protocol: Protocol, progress: Callable[[float, str], None]) -> Outcome:
    """Only this function sees the test rows, and only after everything is chosen."""
    start = perf_counter()
    recipe, validation = choose_recipe(
        protocol.fit, protocol.chosen_on, protocol.catalogue, protocol.recipes, k=protocol.k,
        progress=lambda share: progress(0.4 * share, "choosing the item-to-item model"),
    )  # fmt: skip
    trial = _view(protocol.fit, protocol.catalogue, recipe, BlendWeights(), LATENT)
    blend = choose_blend(
        trial,
        protocol.fit,
        protocol.chosen_on,
        k=protocol.k,
        progress=lambda share: progress(0.4 + 0.2 * share, "choosing the blend"),
    )
    chosen = perf_counter()
    progress(0.6, "fitting on everything but the test rows")
    with measured() as footprint:
        view = _view(protocol.final, protocol.catalogue, recipe, blend, of_use(blend))
    found = judge_all(
        view, protocol, footprint,
        lambda share, text: progress(0.65 + 0.25 * share, text),
    )  # fmt: skip
    pareto = None
    if protocol.goals:
        assert trial.model is not None  # noqa: S101  # `view_of` always has one
        items, latent = trial.model.items, trial.model.latent
        priced = view_of(items, protocol.fit, protocol.catalogue, blend, latent=latent)
        pareto = turn(
            Split(priced, protocol.fit, protocol.chosen_on),
            Split(view, protocol.final, protocol.test),
            protocol.goals,
            k=protocol.k,
            progress=lambda share: progress(0.9 + 0.1 * share, "turning the balance"),
        )
    progress(1.0, "done")
    return Outcome(
        protocol=protocol.name,
        k=protocol.k,
        users=found.users,
        tracks=protocol.catalogue.size,
        recipe=recipe,
        blend=blend,
        validation=validation,
        bars=protocol.bars,
        judged=protocol.judged,
        rows=found.rows,
        against=found.against,
        without=found.without,
        left_out=found.left_out,
        pareto=pareto,
        seconds={
            "choosing": round(chosen - start, 1),
            "fit": round(footprint.seconds, 1),
            "all": round(perf_counter() - start, 1),
        },
    )


def choose_recipe(
    fit: csr_array,
    chosen_on: csr_array,
    catalogue: Catalogue,
    recipes: list[Recipe],
    *,
    k: int,
    progress: Callable[[float], None],
) -> tuple[Recipe, dict[str, float]]:
    """The recipe with the best NDCG on `chosen_on` of all that comes of co-listening."""
    users = sample(chosen_on)
    truth, found = chosen_on[users], []
    for number, recipe in enumerate(recipes):
        view = _view(fit, catalogue, recipe, TOGETHER, of_use(TOGETHER))
        shown = show(view, fit, list(users), k)
        found.append(judge(shown, truth, fit).ndcg)
        progress((number + 1) / len(recipes))
    best = int(np.argmax(found))
    return recipes[best], {
        str(recipe): round(value, 4) for recipe, value in zip(recipes, found, strict=True)
    }


def _view(
    heard: csr_array,
    catalogue: Catalogue,
    recipe: Recipe,
    blend: BlendWeights,
    wanted: Collection[Part],
) -> View:
    items, latent = item_weights(heard, catalogue, recipe), fit_latent(heard, recipe, wanted=wanted)
    return view_of(items, heard, catalogue, blend, latent=latent)
