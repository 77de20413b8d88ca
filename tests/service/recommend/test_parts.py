"""Parts in the form that is cheapest to search say the same as parts written out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.coding import Coding
from service.domain import Preferences
from service.recommend.ask import Ask
from service.recommend.parts import (
    ByCode,
    Parts,
    Projected,
    Sound,
    Sparse,
    at,
    dense,
    moments,
    usable,
)
from service.recommend.retrieval import STRATEGIES
from service.recommend.scoring import Total, combine, total_of, weights_for
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

    total = total_of(parts, weights, GROWN.features_by_row)

    expected = combine(parts, weights, GROWN.size)
    assert {"spectral", "factors"} <= parts.keys()
    assert [2, 1, 2] == [len(total.tables), len(total.sounds), len(total.products)]
    np.testing.assert_allclose(total.at(every), expected, rtol=1e-3, atol=1e-3)
    rows, best = total.best(5)
    np.testing.assert_allclose(best, np.sort(expected)[::-1][:5], rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(best, total.at(rows))


def audio_alone(*scores: float) -> Total:
    features = np.empty((3, 0), np.float32)
    return total_of({"audio": np.array(scores, np.float32)}, weights_for({}, None), features)


def test_a_row_no_part_speaks_of_has_no_score_in_a_total_either() -> None:
    total = audio_alone(1, np.nan, 2)

    assert [False, True, False] == np.isnan(total.at(np.arange(3, dtype=np.int32))).tolist()
    assert [2, 0] == total.best(3)[0].tolist()


def test_co_listening_that_found_nothing_leaves_the_other_parts_to_speak() -> None:
    parts = parts_of(["jazz01"])
    near = parts["collaborative"]
    assert isinstance(near, Sparse)
    parts["collaborative"] = Sparse(near.values * 0, near.heard, near.many)
    weights, every = weights_for(parts, VIEW.model), np.arange(GROWN.size, dtype=np.int32)

    total = total_of(parts, weights, GROWN.features_by_row)

    expected = combine(parts, weights, GROWN.size)
    np.testing.assert_allclose(total.at(every), expected, rtol=1e-3, atol=1e-3)
    assert 5 == total.best(5)[0].size


def test_a_table_of_rounding_errors_says_nothing() -> None:
    table = np.array([0, 1e-45, 0], np.float32)
    coding = Coding(np.array([0, 1, 0], np.int32), 3)
    parts: Parts = {"artist": ByCode(table, coding)}

    total = total_of(parts, weights_for(parts, None), np.empty((3, 0), np.float32))

    assert [0, 0, 0] == total.at(np.arange(3, dtype=np.int32)).tolist()


def test_a_total_forgets_rows_that_are_not_allowed() -> None:
    total = audio_alone(1, 3, 2)

    assert [2, 0] == total.where(np.array([True, False, True])).best(3)[0].tolist()
    assert [1, 2, 0] == total.best(3)[0].tolist()


def test_what_cannot_be_blended_is_told_from_what_can() -> None:
    parts = parts_of(["jazz01"])
    near, artist, audio = parts["collaborative"], parts["artist"], parts["audio"]
    factors = parts["factors"]
    assert isinstance(near, Sparse)
    assert isinstance(artist, ByCode)
    assert isinstance(audio, Sound)
    assert isinstance(factors, Projected)
    beyond = np.float32(np.nan)

    assert all(usable(scores, GROWN.size) for scores in parts.values())
    assert not any(usable(scores, 1) for scores in parts.values())
    assert not usable(Sparse(near.values + beyond, near.heard, near.many), GROWN.size)
    assert not usable(ByCode(artist.table + beyond, artist.coding), GROWN.size)
    assert not usable(Sound(audio.catalogue, audio.target, audio.weights + beyond), GROWN.size)
    assert not usable(Projected(factors.embedding, factors.query + beyond), GROWN.size)
    assert not usable(np.array([np.inf], np.float32), 1)
    assert not usable(np.zeros((1, 1), np.float32), 1)


def test_a_large_catalogue_is_judged_by_a_sample(monkeypatch) -> None:
    monkeypatch.setattr("service.model.catalogue.SAMPLE", 20)
    large = catalogue()

    assert 20 >= large.sample.shape[1] > 10
    np.testing.assert_array_equal(large.sample[:, 1], large.features[:, -(-large.size // 20)])
