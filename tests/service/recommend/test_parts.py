"""Parts in the form that is cheapest to search say the same as parts written out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain import Preferences
from service.recommend.ask import Ask
from service.recommend.parts import ByCode, Parts, Projected, at, dense, finite, moments, size
from service.recommend.retrieval import STRATEGIES
from service.recommend.scoring import combine, total_of, weights_for
from tests.service.given import catalogue, latent, model, player_of, track, view

KNOWN = catalogue()
GROWN = KNOWN.with_tracks([track("new", artist="Unknown")])
VIEW = view(GROWN, fitted=model(KNOWN, latent=latent(KNOWN.size)), plays=[5.0])
IDS = [brief.id for brief in KNOWN.briefs]
HEARD = st.lists(st.sampled_from(IDS), min_size=1, max_size=9, unique=True)


def parts_of(heard, **wishes) -> Parts:
    fan = player_of(GROWN, *heard, preferences=Preferences(**wishes))
    parts: Parts = {}
    for strategy in STRATEGIES.values():
        parts |= strategy(VIEW, fan, Ask())
    return parts


@given(HEARD)
def test_every_form_has_the_moments_and_the_rows_of_what_it_says(heard) -> None:
    rows = np.array([0, GROWN.size - 1, 3], np.int32)
    for scores in parts_of(heard, genres=("folk",)).values():
        written = dense(scores, GROWN.size)

        np.testing.assert_allclose(at(scores, rows), written[rows], atol=1e-5)
        mean, deviation = moments(scores)
        assert (np.nanmean(written), np.nanstd(written)) == pytest.approx(
            (mean, deviation), rel=1e-3, abs=1e-5
        )


@given(HEARD)
def test_the_total_is_the_blend_of_all_parts_written_out(heard) -> None:
    parts, every = parts_of(heard), np.arange(GROWN.size, dtype=np.int32)
    weights = weights_for(parts, VIEW.model)

    total = total_of(parts, weights, GROWN.size)

    expected = combine(parts, weights, GROWN.size)
    assert {"spectral", "factors"} <= parts.keys()
    assert total.terms
    np.testing.assert_allclose(total.at(every), expected, rtol=1e-3, atol=1e-3)
    rows, best = total.best(5)
    np.testing.assert_allclose(best, np.sort(expected)[::-1][:5], rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(best, total.at(rows))


def test_a_row_no_part_speaks_of_has_no_score_in_a_total_either() -> None:
    total = total_of({"audio": np.array([1, np.nan, 2], np.float32)}, weights_for({}, None), 3)

    assert [False, True, False] == np.isnan(total.base).tolist()
    assert [2, 0] == total.best(3)[0].tolist()


def test_a_total_forgets_rows_that_are_not_allowed() -> None:
    total = total_of({"audio": np.array([1, 3, 2], np.float32)}, weights_for({}, None), 3)

    assert [2, 0] == total.where(np.array([True, False, True])).best(3)[0].tolist()
    assert [1, 2, 0] == total.best(3)[0].tolist()


def test_what_cannot_be_blended_is_told_from_what_can() -> None:
    parts = parts_of(["jazz01"])
    artist, factors = parts["artist"], parts["factors"]
    assert isinstance(artist, ByCode)
    assert isinstance(factors, Projected)

    assert all(finite(scores) for scores in parts.values())
    assert {None, GROWN.size} == {size(scores) for scores in parts.values()}
    assert not finite(ByCode(np.array([np.nan], np.float32), artist.codes, artist.counts))
    assert not finite(Projected(factors.embedding, factors.query * np.float32(np.inf)))
    assert not finite(np.array([np.inf], np.float32))
    assert -1 == size(np.zeros((2, 2), np.float32))
