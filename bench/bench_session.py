"""Skips and repeats in the generated demo world: what steering and resurfacing do to later plays.

In that world a skip says nothing about the next track and nobody tires of one, by construction: it
can show what the rules cost there, not what they gain with people.
"""

from typing import get_args

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from bench import picture
from bench.harness import Outcome, Row
from bench.session_world import (
    AHEAD,
    Fitted,
    K,
    Moment,
    fitted,
    halves,
    interval,
    listener,
    ndcg,
)
from core.reference_ordering import roughness
from service.domain import Mix
from service.profile.session import session, skips
from service.recommend.ask import Ask, Listener
from service.recommend.filtering import eligible
from service.recommend.listing import FLOWING, arrange
from service.recommend.parts import Parts
from service.recommend.resurfacing import resurface
from service.recommend.retrieval import STRATEGIES
from service.recommend.scoring import Total, total_of, weights_for
from service.recommend.steering import steer

BLIND, UNSTEERED, STEERED = "skips of the session unseen", "skips as negative plays", "steered"
NO_RULE = "steered, repeats without rule"


def session_bench(*, quick: bool) -> Outcome:
    """NDCG@20 of plays in the two days after a skip, on listeners no constant was chosen on."""
    made = fitted(quick=quick)
    _, judged = halves(made, skipped=True)
    totals = [_totals(made, moment) for moment in judged]
    rows: list[Row] = []
    drawn: dict[str, dict[str, float]] = {}
    for mix in get_args(Mix):
        asked = Ask(mix=mix, limit=K)
        played = [
            np.setdiff1d(one.played, total[1][0].history.rows).astype(np.int32)
            if mix == "discover"
            else one.played
            for one, total in zip(judged, totals, strict=True)
        ]
        arms = [BLIND, UNSTEERED, STEERED] + [NO_RULE] * (mix != "discover")
        found = {
            arm: ndcg([_list(made, arm, asked, *total) for total in totals], played) for arm in arms
        }
        rows.extend(_row(mix, arm, values, found[BLIND]) for arm, values in found.items())
        drawn[mix] = {arm: float(np.nanmean(values)) for arm, values in found.items()}
    rows.append(_flow(made, totals))
    if not quick:
        picture.bars("session", "Plays after a skip, generated world", f"NDCG@{K}", drawn)
    params: dict[str, float | int | str] = {
        "listeners": len(judged),
        "days ahead": AHEAD.days,
        "k": K,
    }
    return Outcome(rows=rows, params=params)


Totals = tuple[tuple[Listener, Total], tuple[Listener, Total]]


def _totals(made: Fitted, moment: Moment) -> Totals:
    """Who asks and their scores: without and with the skips of the session."""
    somebody = listener(moment, made.view)
    unseen = {id(x) for x in session(somebody.history, moment.now) if x.action == "skip"}
    past = [one for one in moment.past if id(one) not in unseen]
    blind = listener(structs.replace(moment, past=past), made.view)
    return (blind, _total(made, blind)), (somebody, _total(made, somebody))


def _total(made: Fitted, somebody: Listener) -> Total:
    parts: Parts = {}
    for strategy in STRATEGIES.values():
        parts |= strategy(made.view, somebody, Ask())
    return total_of(parts, weights_for(parts, made.view.model), made.view.catalogue.features_by_row)


def _list(
    made: Fitted,
    arm: str,
    ask: Ask,
    blind: tuple[Listener, Total],
    seen: tuple[Listener, Total],
) -> NDArray[np.int32]:
    somebody, total = blind if arm == BLIND else seen
    history, catalogue, now = somebody.history, made.view.catalogue, somebody.now
    if arm in (STEERED, NO_RULE):
        total = steer(total, made.view, skips(history, catalogue, now))
    if ask.mix != "discover" and arm != NO_RULE:
        total = resurface(total, history, catalogue, now)
    # What was skipped is out of "discover" in every arm: no arm gains by showing it again.
    allowed = eligible(made.view, seen[0] if ask.mix == "discover" else somebody, ask)
    return arrange(total, allowed, history.rows, catalogue, ask)[0]


def _row(mix: str, arm: str, values: NDArray[np.float64], blind: NDArray[np.float64]) -> Row:
    gain, low, high = interval(values - blind)
    return Row(
        name=f"{mix}, {arm}",
        values={
            "NDCG@20": float(np.nanmean(values)),
            "gain on unseen": gain,
            "from": low,
            "to": high,
        },
    )


def _flow(made: Fitted, totals: list[Totals]) -> Row:
    """How much smaller the steps in tempo and energy get."""
    catalogue = made.view.catalogue
    steps: dict[bool, list[float]] = {False: [], True: []}
    for _, (somebody, total) in totals:
        for flowing in (False, True):
            ask = Ask(limit=K, flow=flowing)
            allowed = eligible(made.view, somebody, ask)
            rows, _ = arrange(total, allowed, somebody.history.rows, catalogue, ask)
            steps[flowing].append(roughness(catalogue.features[FLOWING], rows.tolist()) / (K - 1))
    plain, flowing_step = float(np.mean(steps[False])), float(np.mean(steps[True]))
    return Row(name="flow=1, mean step", values={"step without": plain, "step with": flowing_step})


BENCHES = {"session": session_bench}
