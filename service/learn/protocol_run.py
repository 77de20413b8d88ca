"""Runs a protocol: choose on validation, refit, judge once on test."""

from collections.abc import Callable, Collection
from time import perf_counter

import numpy as np
from msgspec import Struct
from scipy.sparse import csr_array

from service.domain import Part
from service.learn.evaluation import Only, Quality, judge, show
from service.learn.latent import LATENT, fit_latent, of_use
from service.learn.recipe import Recipe, item_weights
from service.learn.selection import choose_blend, sample
from service.learn.training import view_of
from service.model.catalogue import Catalogue
from service.model.current import View
from service.model.version import BlendWeights

ALONE: tuple[Only, ...] = (
    "trending", "audio", "genre", "artist", "content", *LATENT, "collaborative",
)  # fmt: skip
TOGETHER = BlendWeights(artist=0, genre=0, audio=0, trending=0)
"""What recipes are compared by: all that comes of co-listening."""


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
    judged: str = "blend"  # the row that the bars are for


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
    judged: str
    rows: dict[str, Quality]  # parts alone, the blend, the blend as served
    seconds: dict[str, float]


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
    view = _view(protocol.final, protocol.catalogue, recipe, blend, of_use(blend))
    fitted = perf_counter()
    users = np.flatnonzero(np.diff(protocol.test.indptr))
    truth = protocol.test[users]
    rows: dict[str, Quality] = {}
    runs: list[tuple[str, Only | None, bool]] = [(f"{part} alone", part, False) for part in ALONE]
    runs += [("blend", None, False), ("blend, artists spaced", None, True)]
    for turn, (name, part, spaced) in enumerate(runs):
        progress(0.65 + 0.35 * turn / len(runs), f"judging: {name}")
        shown = show(view, protocol.final, list(users), protocol.k, only=part, spaced=spaced)
        if (shown >= 0).any():  # without metadata there is no content to rank by
            rows[name] = judge(shown, truth, protocol.final)
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
        judged=protocol.judged,
        rows=rows,
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
    """The recipe with the best NDCG on `chosen_on` of all that comes of co-listening."""
    users = sample(chosen_on)
    truth, found = chosen_on[users], []
    for turn, recipe in enumerate(recipes):
        view = _view(fit, catalogue, recipe, TOGETHER, of_use(TOGETHER))
        shown = show(view, fit, list(users), k)
        found.append(judge(shown, truth, fit).ndcg)
        progress((turn + 1) / len(recipes))
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
