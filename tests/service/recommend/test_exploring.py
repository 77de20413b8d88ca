"""Places drawn by lot: the rest as it was, each chance as it is told, and the same lot again."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from service.recommend.ask import Ask
from service.recommend.exploring import DRAWN_FROM, draw, widened
from service.recommend.tuning import tuning_of
from tests.service.given import NOON, catalogue, listener

SOMEBODY = structs.replace(listener(catalogue()), now=NOON)


def ask(limit: int, explored: float) -> Ask:
    return Ask(limit=limit, tuning=tuning_of({"explored": explored} if explored else {}))


def ranked(size: int) -> tuple[np.ndarray, np.ndarray]:
    return np.arange(size, dtype=np.int32), np.linspace(1, 0, size, dtype=np.float32)


def test_without_exploring_nothing_is_drawn() -> None:
    plain = ask(5, 0)
    rows, best, chances = draw(*ranked(5), plain, SOMEBODY)

    assert plain is widened(plain)
    assert ([0, 1, 2, 3, 4], 5, b"") == (rows.tolist(), len(best), chances)


@given(st.integers(1, 30), st.integers(1, 10), st.integers(0, 100))
def test_the_first_places_stay_and_the_chances_add_up(limit, explored, size) -> None:
    asked = ask(limit, explored)
    rows, best, chances = draw(*ranked(size), asked, SOMEBODY)

    assert min(limit, size) == rows.size == best.size == len(set(rows.tolist()))
    sure = limit - min(explored, limit)
    assert list(range(min(sure, size))) == rows[:sure].tolist()
    assert (np.diff(rows) > 0).all()
    if chances:
        drawn = np.frombuffer(chances, np.float32)
        pool = size - sure
        assert [1.0] * sure == drawn[:sure].tolist()
        assert drawn[sure:].sum() == pytest.approx((limit - sure) ** 2 / pool)
        assert ((drawn > 0) & (drawn < 1))[sure:].all()


def test_every_track_is_drawn_as_often_as_it_is_said() -> None:
    asked, counts, times = ask(10, 2), np.zeros(18), 4_000
    assert 10 + 2 * (DRAWN_FROM - 1) == widened(asked).limit
    for second in range(times):
        at = structs.replace(SOMEBODY, now=NOON + timedelta(seconds=second))
        rows, _, chances = draw(*ranked(18), asked, at)
        counts[rows] += 1

    chance = np.frombuffer(chances, np.float32)[-1]
    assert 0.2 == pytest.approx(chance)
    assert [times] * 8 == counts[:8].tolist()
    assert np.abs(counts[8:] / times - chance).max() < 4 * np.sqrt(0.2 * 0.8 / times)


def test_the_same_moment_draws_the_same_lot() -> None:
    one, again = (draw(*ranked(40), ask(20, 4), SOMEBODY) for _ in range(2))
    later = structs.replace(SOMEBODY, now=NOON + timedelta(seconds=1))

    assert one[0].tolist() == again[0].tolist()
    assert one[0].tolist() != draw(*ranked(40), ask(20, 4), later)[0].tolist()
