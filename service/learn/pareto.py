"""What turning the balance costs: relevance against even exposure, on a protocol.

The balance of each goal is chosen on validation rows; test rows judge it, and draw the curve.
"""

from collections.abc import Callable, Sequence
from time import perf_counter

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.sparse import csr_array

from service.learn.evaluation import Quality, Shown, judge
from service.learn.prices import DEFAULT, Target, fit_prices, list_scores
from service.model.current import View
from service.recommend.exposure import Charge, choose
from service.recommend.scoring import total_from

BALANCES = tuple(round(0.05 * step, 2) for step in range(23))
SLACK = 0.02
"""How much better than a goal's limits validation lists must be: another fit turns out a little
different. On protocol K novelty came out .013 lower on the refit, as tracks then have more
listeners."""


class Goal(Struct, frozen=True, kw_only=True):
    """What an operator may want: the best NDCG within these limits, which should reach `ndcg`."""

    name: str
    ndcg: float
    coverage: float = 0.0  # at least
    gini: float = 1.0  # at most
    novelty: float = 0.0  # at least


class Point(Struct, frozen=True):
    """The lists at one balance."""

    balance: float
    quality: Quality


class Chosen(Struct, frozen=True):
    """What became of a goal: the balance chosen, and how it did on test rows."""

    goal: Goal
    balance: float
    quality: Quality


class Pareto(Struct, frozen=True, kw_only=True):
    """The balance turned from nothing to more than everything."""

    validation: list[Point]
    test: list[Point]
    chosen: list[Chosen]
    prices_s: float  # seconds the prices of the final model took


class Split(Struct, frozen=True):
    """A model, whom it was fitted on, and what they should have been shown."""

    view: View
    heard: csr_array
    truth: csr_array


def turn(
    validation: Split,
    test: Split,
    goals: Sequence[Goal],
    *,
    k: int,
    target: Target = DEFAULT,
    progress: Callable[[float], None],
) -> Pareto:
    """Fit prices on the lists of either model, choose by `validation`, judge by `test`."""
    points, _ = _curve(validation, k, target, lambda share: progress(share / 2))
    balances = [choice(points, goal) for goal in goals]
    judged, prices_s = _curve(test, k, target, lambda share: progress((1 + share) / 2))
    return Pareto(
        validation=points,
        test=judged,
        chosen=[
            Chosen(goal, balance, judged[BALANCES.index(balance)].quality)
            for goal, balance in zip(goals, balances, strict=True)
        ],
        prices_s=round(prices_s, 1),
    )


def choice(points: Sequence[Point], goal: Goal) -> float:
    """The balance with the best NDCG among those within the limits; else the greatest there is."""
    within = [
        point
        for point in points
        if (not goal.coverage or point.quality.coverage >= goal.coverage + SLACK)
        and (goal.gini == 1 or point.quality.gini <= goal.gini - SLACK)
        and (not goal.novelty or point.quality.novelty >= goal.novelty + SLACK)
    ]
    best = max(within, key=lambda point: point.quality.ndcg, default=points[-1])
    return best.balance


def _curve(
    split: Split, k: int, target: Target, progress: Callable[[float], None]
) -> tuple[list[Point], float]:
    start = perf_counter()
    prices = fit_prices(
        split.view, split.heard, k=k, target=target, progress=lambda done: progress(done / 2)
    )
    spent = perf_counter() - start
    users = np.arange(split.heard.shape[0])
    scores = list_scores(split.view, split.heard, users, everybody=True)
    values = np.zeros(scores.shape[1], np.float32) if prices is None else prices.values
    points = []
    for balance in BALANCES:
        shown = _lists(scores, k, Charge(values, balance))
        points.append(Point(balance, judge(shown, split.truth, split.heard)))
        progress(0.5 + 0.5 * len(points) / len(BALANCES))
    return points, spent


def _lists(scores: NDArray[np.float32], k: int, charge: Charge) -> Shown:
    shown = np.full((len(scores), k), -1, np.int32)
    for place, of_listener in enumerate(scores):
        rows, best = choose(total_from(of_listener), k, charge)
        shown[place, : len(rows)] = rows[np.argsort(-best, kind="stable")]
    return shown
