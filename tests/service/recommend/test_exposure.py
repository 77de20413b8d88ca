"""Prices decide who is on a list, not where."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.topk import topk
from service.domain import Context
from service.model.current import View
from service.recommend import exposure as module
from service.recommend.ask import Ask
from service.recommend.exposure import Charge, Showing, Shown, charge_for, choose
from service.recommend.ordering import order
from service.recommend.pipeline import rank
from service.recommend.scoring import total_from
from tests.service.given import catalogue, model, player_of, track, view

KNOWN = catalogue()
SCORE = st.floats(-4, 4, width=32) | st.sampled_from([0.0, -np.inf, np.nan])


def f32(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def priced(*, costly: str) -> View:
    """The small world where one track costs more than any score and the others nothing."""
    prices = np.zeros(KNOWN.size, np.float32)
    prices[KNOWN.rows[costly]] = 9
    return msgspec.structs.replace(view(KNOWN, fitted=model(KNOWN)), prices=prices)


def test_a_charge_is_a_share_of_the_lists_best_score() -> None:
    """Twice as loud a listener pays twice as much: the same rows are chosen."""
    for loudness in (1, 2):
        rows, scores = choose(total_from(loudness * f32(4, 3, 2.5)), 2, Charge(f32(0.6, 0, 0), 0.5))

        assert [1, 0] == rows.tolist()
        assert [3 * loudness, 4 * loudness] == scores.tolist()  # those before the charge


@given(
    scores=arrays(np.float32, 12, elements=SCORE),
    prices=arrays(np.float32, 12, elements=st.floats(0, 3, width=32)),
    k=st.integers(1, 15),
)
def test_without_balance_or_without_a_score_above_nothing_nothing_is_charged(
    scores, prices, k
) -> None:
    expected = topk(scores, k)[0].tolist()

    assert expected == choose(total_from(scores), k, None)[0].tolist()
    assert expected == choose(total_from(scores), k, Charge(prices, 0.0))[0].tolist()
    below = np.minimum(scores, 0)
    assert (
        topk(below, k)[0].tolist() == choose(total_from(below), k, Charge(prices, 1.0))[0].tolist()
    )


def test_a_list_is_chosen_by_charged_and_ordered_by_uncharged_scores() -> None:
    known = catalogue(*(track(f"t{n}", artist=f"by {n}") for n in range(5)))
    charge = Charge(f32(0, 0.15, 0, 0.9, 0), 1.0)

    rows, scores = order(
        total_from(f32(5, 4.5, 4, 4.75, 1)), np.ones(5, bool), known, 3, charge=charge
    )

    assert [0, 1, 2] == rows.tolist()  # row 3 is too dear; row 1 is charged and keeps its place
    assert [5, 4.5, 4] == scores.tolist()


def test_a_charged_list_keeps_artists_apart_and_is_as_long_as_asked() -> None:
    known = catalogue(*(track(f"t{n}", artist="AAABCDE"[n]) for n in range(7)))
    charge = Charge(f32(0, 0, 0, 0.5, 0, 0, 0), 0.5)

    rows, _ = order(total_from(f32(7, 6, 5, 4, 3, 2, 1)), np.ones(7, bool), known, 7, charge=charge)

    assert 7 == len(rows)
    assert ["A", "B", "C", "A"] == [known.briefs[row].artist for row in rows[:4]]


async def test_a_dear_track_is_not_recommended_unless_the_balance_is_nothing() -> None:
    somebody = player_of(KNOWN, "jazz00", "jazz01")
    best = await rank(view(KNOWN, fitted=model(KNOWN)), somebody, Ask(), timeout_s=5)
    first = best.recommendations[0].track.id
    dear = priced(costly=first)

    def tracks(ranking) -> list[str]:
        return [one.track.id for one in ranking.recommendations]

    charged = await rank(dear, somebody, Ask(limit=5, balance=1.0), timeout_s=5)
    free = await rank(dear, somebody, Ask(limit=5, balance=0.0), timeout_s=5)

    assert first not in tracks(charged)
    assert first == tracks(free)[0]
    scores = [one.score for one in charged.recommendations]
    assert sorted(scores, reverse=True) == scores
    assert scores[0] > 0  # the score shown is the one before the charge


@pytest.mark.parametrize(
    "ask",
    [
        Ask(balance=0.0),
        Ask(),
        Ask(balance=1.0, strategy="trending"),
        Ask(balance=1.0, mix="familiar"),
    ],
)
def test_whoever_asks_for_something_plain_gets_just_that(ask: Ask) -> None:
    assert charge_for(priced(costly="jazz00"), ask) is None


@pytest.mark.parametrize("asked", [{}, {"mix": "blend"}, {"context": Context(mood="sad")}])
def test_a_list_of_the_whole_blend_is_charged(asked) -> None:
    charge = charge_for(priced(costly="jazz00"), Ask(balance=0.5, **asked))

    assert charge is not None
    assert (0.5, 9.0) == (charge.balance, charge.prices.max())
    assert charge_for(view(KNOWN, fitted=model(KNOWN)), Ask(balance=0.5, **asked)) is None


def test_shown_lists_are_handed_out_once() -> None:
    shown = Shown()
    for rows in ([0, 2], [2, 9], []):
        shown.add(Showing("u1", "hybrid", "list", np.array(rows, np.int32).tobytes()))

    assert [[0, 2], [2, 9], []] == [one.rows.tolist() for one in shown.take()]
    assert [] == shown.take()


def test_lists_that_nobody_counts_take_bounded_memory(monkeypatch) -> None:
    monkeypatch.setattr(module, "MOST_PENDING", 2)
    shown = Shown()
    for row in range(5):
        shown.add(Showing("u1", "hybrid", "list", np.array([row], np.int32).tobytes()))

    assert [[3], [4]] == [one.rows.tolist() for one in shown.take()]
