"""Hidden directions of taste, fitted: each finds two tastes, alone and for a first listen."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from service.domain import Part
from service.learn.latent import LATENT, fit_latent, of_use
from service.learn.recipe import Recipe
from service.model.latent import NOTHING_LATENT, to_arrays
from service.model.version import BlendWeights
from service.recommend.latent import latent_scores
from service.recommend.parts import dense

TRACKS = 20
RECIPE = Recipe(directions=2, factors=4, alpha=10.0, factors_l2=1.0)


def two_tastes() -> csr_array:
    """Sixty users who play seven of the ten tracks of one of two tastes."""
    draw = np.random.default_rng(6)
    matrix = np.zeros((60, TRACKS), np.float32)
    for user in range(60):
        matrix[user, 10 * (user % 2) + draw.permutation(10)[:7]] = 1
    return csr_array(matrix)


@pytest.mark.parametrize("part", LATENT)
def test_one_listen_is_enough_to_tell_the_taste(part: Part) -> None:
    latent = fit_latent(two_tastes(), RECIPE, wanted=[part])
    for row in (0, 10):
        scores = latent_scores(latent, np.array([row], np.int32), np.ones(1, np.float32))

        assert [part] == list(scores)
        written = dense(scores[part], TRACKS)
        mine = np.arange(row, row + 10)
        others = np.setdiff1d(np.arange(TRACKS), mine)
        assert written[mine].mean() > written[others].mean() + 0.05 * abs(written).max()


@pytest.mark.parametrize("part", LATENT)
def test_the_newest_listen_changes_what_is_said(part: Part) -> None:
    latent = fit_latent(two_tastes(), RECIPE, wanted=[part])

    def scores(*rows: int) -> np.ndarray:
        history = np.array(rows, np.int32)
        return dense(latent_scores(latent, history, np.ones(len(rows), np.float32))[part], TRACKS)

    before, after = scores(1, 0), scores(12, 1, 0)
    assert after[10:].mean() > before[10:].mean()


def test_two_fits_give_the_same_bytes() -> None:
    first, second = (to_arrays(fit_latent(two_tastes(), RECIPE)) for _ in range(2))

    for name, array in first.items():
        assert array.size
        assert array.tobytes() == second[name].tobytes()


def test_a_track_nobody_heard_has_no_direction() -> None:
    matrix = two_tastes().toarray()
    matrix[:, 3] = 0

    latent = fit_latent(csr_array(matrix), RECIPE)

    assert latent.spectral is not None
    assert latent.factors is not None
    assert not latent.spectral.right[3].any()
    assert not latent.factors.tracks[3].any()


def test_factors_cover_tracks_that_are_too_rare_for_a_column() -> None:
    matrix = two_tastes().toarray()
    matrix[1:, 0] = 0

    latent = fit_latent(csr_array(matrix), RECIPE)

    assert latent.spectral is not None
    assert latent.factors is not None
    assert not latent.spectral.right[0].any()
    assert latent.factors.tracks[0].any()


def test_too_little_for_a_direction_is_no_part() -> None:
    lone = csr_array(np.array([[1, 0, 0], [0, 1, 0]], np.float32))

    assert fit_latent(lone, RECIPE, wanted=["spectral"]).spectral is None
    assert NOTHING_LATENT == fit_latent(csr_array(np.zeros((2, 3), np.float32)), RECIPE)


def test_only_parts_with_a_weight_are_of_use_and_what_learning_goes_on_from() -> None:
    assert ["spectral", "factors", "online"] == of_use(BlendWeights())
    assert ["online"] == of_use(BlendWeights(spectral=0, factors=0))
