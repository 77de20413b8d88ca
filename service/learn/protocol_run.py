"""Runs a protocol: choose on validation, refit, judge once on test."""

from collections.abc import Callable
from time import perf_counter

import numpy as np
from msgspec import Struct
from scipy.sparse import csr_array

from service.domain import Part
from service.learn.evaluation import Quality, judge, show
from service.learn.pareto import Goal, Pareto, Split, turn
from service.learn.recipe import Recipe, item_weights
from service.learn.selection import choose_blend
from service.learn.training import view_of
from service.model.catalogue import Catalogue
from service.model.current import View
from service.model.version import BlendWeights

ALONE: tuple[Part, ...] = ("trending", "audio", "genre", "artist", "collaborative")


class Protocol(Struct, frozen=True, kw_only=True):
    """One dataset and its split. `final` is what the judged model is fitted on and masks."""

    name: str
    k: int
    catalogue: Catalogue
    fit: csr_array  # float32 (users, tracks), 1 where a user has the track; so are the next three
    chosen_on: csr_array
    final: csr_array
    test: csr_array
    recipes: list[Recipe]  # candidates; validation picks one
    bars: dict[str, float]  # what a published or simpler model reached on the test rows
    goals: list[Goal] = []  # what turning the balance should reach


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
    rows: dict[str, Quality]  # parts alone, the blend, the blend as served
    seconds: dict[str, float]
    pareto: Pareto | None = None  # where the protocol has goals


def run_protocol(protocol: Protocol, progress: Callable[[float, str], None]) -> Outcome:
    """Only this function sees the test rows, and only after everything is chosen."""
    start = perf_counter()
    recipe, validation = choose_recipe(
        protocol.fit, protocol.chosen_on, protocol.catalogue, protocol.recipes, k=protocol.k,
        progress=lambda share: progress(0.4 * share, "choosing the item-to-item model"),
    )  # fmt: skip
    trial = _view(protocol, protocol.fit, recipe, BlendWeights())
    blend = choose_blend(
        trial,
        protocol.fit,
        protocol.chosen_on,
        k=protocol.k,
        progress=lambda share: progress(0.4 + 0.2 * share, "choosing the blend"),
    )
    chosen = perf_counter()
    progress(0.6, "fitting on everything but the test rows")
    view = _view(protocol, protocol.final, recipe, blend)
    fitted = perf_counter()
    users = np.flatnonzero(np.diff(protocol.test.indptr))
    truth = protocol.test[users]
    rows: dict[str, Quality] = {}
    runs: list[tuple[str, Part | None, bool]] = [(f"{part} alone", part, False) for part in ALONE]
    runs += [("blend", None, False), ("blend, artists spaced", None, True)]
    for number, (name, part, spaced) in enumerate(runs):
        progress(0.65 + 0.25 * number / len(runs), f"judging: {name}")
        shown = show(view, protocol.final, list(users), protocol.k, only=part, spaced=spaced)
        if (shown >= 0).any():  # without metadata there is no content to rank by
            rows[name] = judge(shown, truth, protocol.final)
    pareto = None
    if protocol.goals:
        assert trial.model is not None  # noqa: S101  # `view_of` always has one
        priced = view_of(trial.model.items, protocol.fit, protocol.catalogue, blend)
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
        users=len(users),
        tracks=protocol.catalogue.size,
        recipe=recipe,
        blend=blend,
        validation=validation,
        bars=protocol.bars,
        rows=rows,
        pareto=pareto,
        seconds={
            "choosing": round(chosen - start, 1),
            "fit": round(fitted - chosen, 1),
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
    """The recipe with the best NDCG of the item-to-item model alone on `chosen_on`."""
    users = np.flatnonzero(np.diff(chosen_on.indptr))
    truth, found = chosen_on[users], []
    for number, recipe in enumerate(recipes):
        view = view_of(item_weights(fit, catalogue, recipe), fit, catalogue, BlendWeights())
        shown = show(view, fit, list(users), k, only="collaborative")
        found.append(judge(shown, truth, fit).ndcg)
        progress((number + 1) / len(recipes))
    best = int(np.argmax(found))
    return recipes[best], {
        str(recipe): round(value, 4) for recipe, value in zip(recipes, found, strict=True)
    }


def _view(protocol: Protocol, heard: csr_array, recipe: Recipe, blend: BlendWeights) -> View:
    items = item_weights(heard, protocol.catalogue, recipe)
    return view_of(items, heard, protocol.catalogue, blend)
