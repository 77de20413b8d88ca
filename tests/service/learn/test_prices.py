"""Prices fitted on the lists of listeners, for the exposure that was asked for."""

import msgspec
import numpy as np
import pytest
from scipy.sparse import csr_array

from core.evaluation import gini
from core.exposure import exposure
from service.learn import prices as module
from service.learn.evaluation import view_of
from service.learn.prices import DEFAULT, Target, fit_prices, list_scores, listeners_of, shares_of
from service.learn.recipe import Recipe, item_weights
from service.model.catalogue import Catalogue
from service.model.current import View
from service.model.version import BlendWeights
from tests.service.given import catalogue, track

K, USERS, TRACKS = 5, 120, 40


def crowd() -> csr_array:
    """Everybody plays eight tracks, the first ones far more often than the last."""
    draw = np.random.default_rng(3)
    chance = 1 / np.arange(1, TRACKS + 1)
    matrix = np.zeros((USERS, TRACKS), np.float32)
    for user in range(USERS):
        matrix[user, draw.choice(TRACKS, 8, replace=False, p=chance / chance.sum())] = 1
    return csr_array(matrix)


def seen(heard: csr_array, known: Catalogue) -> View:
    items = item_weights(heard, known, Recipe())
    return view_of(items, heard, known, BlendWeights())


HEARD = crowd()
KNOWN = catalogue(*(track(f"t{n}", artist=f"by {n // 2}") for n in range(TRACKS)))
VIEW = seen(HEARD, KNOWN)


def shown_under(target: Target) -> np.ndarray:
    """How often each track is on the lists when the whole price is charged."""
    prices = fit_prices(VIEW, HEARD, k=K, target=target, progress=lambda _: None)
    assert prices is not None
    scores = list_scores(VIEW, HEARD, np.arange(USERS))
    return exposure(scores, prices.values, charge=1, k=K)


def test_exposure_comes_out_as_even_as_was_asked() -> None:
    unequal = [gini(shown_under(Target(evenness=evenness))) for evenness in (0.0, 0.5, 1.0)]

    assert unequal[0] > unequal[1] > unequal[2]
    assert unequal[2] < 0.25
    assert unequal[0] > 0.5


def test_any_weights_may_be_wanted() -> None:
    weights = np.where(np.arange(TRACKS) < TRACKS // 2, 1.0, 4.0)

    shown = shown_under(Target(evenness=0, new_artists=0, weights=weights))

    assert 4 == pytest.approx(shown[TRACKS // 2 :].sum() / shown[: TRACKS // 2].sum(), rel=0.3)


def test_a_floor_lifts_the_tracks_of_artists_whom_hardly_anybody_knows() -> None:
    heard = HEARD.toarray()
    heard[:, [0, 1]] = 0  # the tracks of one artist,
    heard[:4, 0] = 1  # whom four people know
    matrix, free = csr_array(heard), np.full(TRACKS, 10)
    free[[0, 1]] = 0
    view = seen(matrix, KNOWN)

    with_floor, without = (
        shares_of(Target(evenness=0.1, new_artists=floor), free, view, matrix) * TRACKS
        for floor in (0.8, 0.0)
    )

    np.testing.assert_allclose([0.8, 0.8], with_floor[:2])
    np.testing.assert_allclose([0.1, 0.1], without[:2])
    np.testing.assert_array_equal(with_floor[2:], without[2:])


def test_tracks_without_an_artist_are_nobodys_new_ones() -> None:
    known = catalogue(*(track(f"t{n}", artist="Unknown") for n in range(TRACKS)))
    free = np.arange(TRACKS)

    shares = shares_of(Target(evenness=0, new_artists=1), free, seen(HEARD, known), HEARD)

    np.testing.assert_allclose(free / free.sum(), shares)


def test_two_fits_give_the_same_bytes() -> None:
    one, other = (
        fit_prices(VIEW, HEARD, k=K, target=DEFAULT, progress=lambda _: None) for _ in range(2)
    )

    assert msgspec.json.encode(_bytes(one)) == msgspec.json.encode(_bytes(other))


def _bytes(prices) -> list[bytes]:
    return [prices.values.tobytes(), prices.shares.tobytes()]


def test_progress_rises_to_the_whole() -> None:
    told: list[float] = []
    fit_prices(VIEW, HEARD, k=K, target=DEFAULT, progress=told.append)

    assert sorted(told) == told
    assert 1 == told[-1]


def test_nobody_to_show_anything_to_has_no_prices() -> None:
    nobody = csr_array(np.zeros((3, TRACKS), np.float32))

    assert fit_prices(VIEW, nobody, k=K, target=DEFAULT, progress=lambda _: None) is None


def test_only_as_many_listeners_are_sampled_as_memory_allows(monkeypatch) -> None:
    monkeypatch.setattr(module, "MOST_SCORES", 7 * TRACKS)

    sample = listeners_of(HEARD)

    assert 7 == sample.size == np.unique(sample).size
    assert sample.tolist() == listeners_of(HEARD).tolist()


def test_scores_are_shares_of_each_listeners_best_without_what_they_heard() -> None:
    scores = list_scores(VIEW, HEARD, np.arange(USERS))

    np.testing.assert_allclose(1, scores.max(axis=1), rtol=1e-6)
    assert np.isneginf(scores[HEARD.toarray() > 0]).all()
