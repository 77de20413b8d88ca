"""One fit: everything a model is, from listens alone."""

from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

from service.domain import Track
from service.learn.interactions import Interactions
from service.learn.latent import of_use
from service.learn.recipe import Recipe
from service.learn.training import fit_model
from service.model import files
from service.model.catalogue import empty_catalogue
from service.model.version import Model
from tests.service.given import NOON

USERS, TRACKS = 80, 30
CATALOGUE = empty_catalogue().with_tracks(
    [Track(id=f"t{row}", title="x", artist=f"artist {row // 3}") for row in range(TRACKS)]
)


@pytest.fixture(scope="module")
def interactions() -> Interactions:
    draw = np.random.default_rng(8)
    matrix = np.zeros((USERS, TRACKS), np.float32)
    for user in range(USERS):
        matrix[user, 10 * (user % 3) + draw.permutation(10)[:7]] = draw.random(7) * 0.5 + 0.5
    return Interactions([f"u{user}" for user in range(USERS)], csr_array(matrix))


def fitted(interactions: Interactions) -> Model:
    return fit_model(
        interactions,
        CATALOGUE,
        version="v1",
        fitted_at=NOON,
        progress=lambda _share: None,
        recipe=Recipe(directions=3, factors=4, alpha=10, factors_l2=1),
    )


def test_two_fits_of_the_same_listens_write_the_same_bytes(
    interactions: Interactions, tmp_path: Path
) -> None:
    for folder in ("first", "second"):
        files.save(
            fitted(interactions), [brief.id for brief in CATALOGUE.briefs], tmp_path / folder
        )

    for name in (*files.ARRAYS, files.MANIFEST):
        first, second = (tmp_path / folder / "v1" / name for folder in ("first", "second"))
        assert first.read_bytes() == second.read_bytes(), name


def test_a_model_carries_the_latent_parts_that_the_blend_uses_and_no_other(
    interactions: Interactions,
) -> None:
    model = fitted(interactions)

    wanted = of_use(model.blend)
    for part in ("spectral", "factors", "online"):
        assert (part in wanted) == (getattr(model.latent, part) is not None)
