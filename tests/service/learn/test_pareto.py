"""The balance of a goal is chosen on validation rows, and nothing else."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from service.learn.evaluation import Quality
from service.learn.pareto import BALANCES, Goal, Pareto, Point, Split, choice, turn
from tests.service.learn.test_prices import HEARD, KNOWN, TRACKS, USERS, seen

GOALS = [Goal(name="relevance", ndcg=0.1), Goal(name="even", ndcg=0.0, gini=0.4, coverage=0.8)]


def quality(ndcg: float, *, coverage: float = 0.5, gini: float = 0.5, novelty: float = 0.5):
    return Quality(
        recall=0.1, ndcg=ndcg, mrr=0.1, coverage=coverage, gini=gini, novelty=novelty,
        rarity=0.9, diversity=0.9,
    )  # fmt: skip


def split(seed: int) -> Split:
    """Two tenths of what everybody played are hidden."""
    part = np.random.default_rng(seed).random((USERS, TRACKS)) < 0.2
    dense = HEARD.toarray()
    heard = csr_array(dense * ~part)
    return Split(seen(heard, KNOWN), heard, csr_array(dense * part))


VALIDATION, TEST = split(1), split(2)


@pytest.fixture(scope="module")
def turned() -> Pareto:
    return turn(VALIDATION, TEST, GOALS, k=5, progress=lambda _: None)


def test_the_best_within_the_limits_is_chosen() -> None:
    points = [
        Point(0.0, quality(0.9, gini=0.9)),
        Point(0.5, quality(0.8, gini=0.37)),
        Point(0.6, quality(0.7, gini=0.35)),
        Point(1.0, quality(0.5, gini=0.1)),
    ]

    assert 0.0 == choice(points, Goal(name="any", ndcg=0))
    assert 0.5 == choice(points, Goal(name="even", ndcg=0, gini=0.4))
    assert 0.6 == choice(points, Goal(name="a little too near", ndcg=0, gini=0.38))
    assert 1.0 == choice(points, Goal(name="out of reach", ndcg=0, novelty=0.9))


def test_turning_the_balance_evens_exposure_out(turned: Pareto) -> None:
    first, whole = turned.test[0].quality, turned.test[BALANCES.index(1.0)].quality

    assert whole.gini < first.gini
    assert whole.coverage > first.coverage
    assert whole.novelty > first.novelty


def test_what_is_chosen_is_judged_on_test_rows(turned: Pareto) -> None:
    by_balance = {point.balance: point.quality for point in turned.test}

    assert [one.name for one in GOALS] == [one.goal.name for one in turned.chosen]
    assert [by_balance[one.balance] for one in turned.chosen] == [
        one.quality for one in turned.chosen
    ]


def test_choosing_never_sees_the_test_rows(turned: Pareto) -> None:
    """Other test rows leave every balance as it was; other validation rows do not."""
    other = Split(TEST.view, TEST.heard, csr_array(TEST.truth.toarray()[:, ::-1]))
    again = turn(VALIDATION, other, GOALS, k=5, progress=lambda _: None)
    control = turn(other, TEST, GOALS, k=5, progress=lambda _: None)

    assert [one.balance for one in turned.chosen] == [one.balance for one in again.chosen]
    assert turned.validation == again.validation
    assert [one.quality for one in turned.chosen] != [one.quality for one in again.chosen]
    assert turned.validation != control.validation


def test_two_runs_agree_to_the_bit(turned: Pareto) -> None:
    again = turn(VALIDATION, TEST, GOALS, k=5, progress=lambda _: None)

    assert (turned.validation, turned.test, turned.chosen) == (
        again.validation,
        again.test,
        again.chosen,
    )


def test_protocol_k_holds_its_bars(datasets) -> None:
    """Small enough to run whole: relevance, coverage, and even exposure, as published limits."""
    from service.doors.datasets import protocol_k
    from service.learn.protocol_run import run_protocol

    found = run_protocol(protocol_k(datasets), lambda *_: None).pareto

    assert found is not None
    for one in found.chosen:
        assert one.quality.ndcg >= one.goal.ndcg
        assert one.quality.coverage >= one.goal.coverage
        assert one.quality.gini <= one.goal.gini
        assert one.quality.novelty >= one.goal.novelty
