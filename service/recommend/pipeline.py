"""The way of a miss: retrieval, filtering, scoring, ordering, reasons."""

from collections.abc import Mapping
from functools import partial

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray

from service.domain import Reason, Recommendation, Strategy, Tier
from service.model.current import View
from service.profile.session import skips
from service.recommend.ask import Ask, Listener
from service.recommend.exploring import draw, widened
from service.recommend.exposure import charge_for
from service.recommend.filtering import eligible
from service.recommend.listing import arrange
from service.recommend.parts import Parts
from service.recommend.reasons import explain
from service.recommend.resurfacing import resurface
from service.recommend.retrieval import STRATEGIES, Score
from service.recommend.scoring import total_of, weights_for
from service.recommend.steering import steer
from service.recommend.turns import Outcomes, retrieve

Listed = tuple[list[Recommendation], bytes, bytes]
"""Recommendations, their rows and how likely each was to be there, as `Ranking` has them."""
NOTHING: Listed = ([], b"", b"")


class Ranking(Struct, frozen=True):
    """A list before it is an answer."""

    tier: Tier
    strategies: Outcomes
    recommendations: list[Recommendation]
    rows: bytes  # int32: of the catalogue, one for each
    chances: bytes = b""  # float32: how likely each was to be there; empty: all certain


async def rank(
    view: View,
    listener: Listener,
    ask: Ask,
    *,
    timeout_s: float,
    strategies: Mapping[Strategy, Score] = STRATEGIES,
    within: NDArray[np.bool_] | None = None,
) -> Ranking:
    """The best list for this listener now. Whoever is left without one gets what is popular.

    `within`, bool (n,): no other track may be on it, the popular list included.
    """
    return await retrieve(
        view,
        listener,
        ask,
        partial(_finish, view, listener, ask, within=within),
        timeout_s=timeout_s,
        strategies=strategies,
    )


def _finish(
    view: View,
    listener: Listener,
    ask: Ask,
    parts: Parts,
    outcomes: Outcomes,
    *,
    within: NDArray[np.bool_] | None,
) -> Ranking:
    allowed = _allowed(view, listener, ask, within)
    personal = listener.known and any(name != "trending" for name in parts)
    listed = _listed(view, listener, ask, parts, allowed) if parts else NOTHING
    if not listed[0]:
        personal = False
        listed = _popular(view, listener, ask, allowed, within=within)
    return Ranking("personal" if personal else "popular", outcomes, *listed)


def _listed(
    view: View,
    listener: Listener,
    ask: Ask,
    parts: Parts,
    allowed: NDArray[np.bool_],
) -> Listed:
    history, catalogue = listener.history, view.catalogue
    weights = ask.tuning.weighed(weights_for(parts, view.model))
    plain = total_of(parts, weights, catalogue.features_by_row)
    total = steer(plain, view, skips(history, catalogue, listener.now))
    if ask.mix != "discover":
        total = resurface(total, history, catalogue, listener.now)
    charge = charge_for(view, ask)
    rows, best = arrange(total, allowed, history.rows, catalogue, widened(ask), charge=charge)
    if not len(rows):
        return NOTHING
    rows, best, chances = draw(rows, best, ask, listener)
    reasons: list[Reason] | list[None] = [None] * len(rows)
    if ask.explain:
        reasons = explain(view, listener, ask, plain, rows)
    listed = zip(rows.tolist(), best.tolist(), reasons, strict=True)
    recommendations = [
        Recommendation(place, catalogue.briefs[row], round(score, 4), reason)
        for place, (row, score, reason) in enumerate(listed, 1)
    ]
    return recommendations, rows.tobytes(), chances


def _popular(
    view: View,
    listener: Listener,
    ask: Ask,
    allowed: NDArray[np.bool_],
    *,
    within: NDArray[np.bool_] | None,
) -> Listed:
    if not allowed.any() and ask.mix == "familiar":  # nothing is familiar yet: then something new
        allowed = _allowed(view, listener, structs.replace(ask, mix="discover"), within)
    return _listed(view, listener, ask, {"trending": view.trending}, allowed)


def _allowed(
    view: View, listener: Listener, ask: Ask, within: NDArray[np.bool_] | None
) -> NDArray[np.bool_]:
    allowed = eligible(view, listener, ask)
    return allowed if within is None else allowed & within
