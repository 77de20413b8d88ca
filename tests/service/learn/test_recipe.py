import numpy as np
from scipy.sparse import csr_array

from service.domain import Track
from service.learn.recipe import DEFAULT, Recipe, item_weights
from service.model.catalogue import Catalogue, empty_catalogue

PLAIN = Recipe(kinship=2, popularity_exponent=0)


def catalogue(*artists: str) -> Catalogue:
    """One track per artist named; tracks of one artist share an album."""
    return empty_catalogue().with_tracks(
        [
            Track(id=f"t{row}", title=f"Song {row}", artist=artist, album=artist)
            for row, artist in enumerate(artists)
        ]
    )


def interactions(*rows: str) -> csr_array:
    """A matrix drawn with 1 for a play and anything else for none."""
    return csr_array(np.array([[float(cell == "1") for cell in row] for row in rows], np.float32))


def dense(matrix: csr_array, names: Catalogue, recipe: Recipe) -> np.ndarray:
    weights = item_weights(matrix, names, recipe)
    arrays = weights.values, weights.indices, weights.indptr
    return csr_array(arrays, shape=(weights.n, weights.n)).toarray()


def test_tracks_played_together_speak_for_each_other() -> None:
    matrix = interactions("1100", "1100", "0011", "0011")

    weights = dense(matrix, catalogue(*"abcd"), DEFAULT)

    assert weights[0, 1] > 0.0
    assert weights[0, 1] > abs(weights[0, 2])
    assert (weights.diagonal() == 0).all()


def test_tracks_of_one_artist_speak_for_each_other_without_a_common_listener() -> None:
    matrix = interactions("1000", "1000", "0100", "0100", "0010", "0010", "0001", "0001")

    alike = dense(matrix, catalogue("ana", "ana", "bo", "cy"), PLAIN)
    strangers = dense(matrix, catalogue(*"abcd"), PLAIN)

    assert alike[0, 1] > 0.0
    assert abs(strangers[0, 1]) < 1e-6
    assert abs(alike[2, 3]) < 1e-6


def test_unknown_artists_are_no_kin() -> None:
    matrix = interactions("10", "10", "01", "01")

    assert abs(dense(matrix, catalogue("unknown", "Unknown"), PLAIN)[0, 1]) > 0  # by their album
    alone = empty_catalogue().with_tracks(
        [Track(id=f"t{row}", title="x", artist="unknown") for row in range(2)]
    )
    assert abs(dense(matrix, alone, PLAIN)[0, 1]) < 1e-6


def test_a_track_of_one_listener_gets_no_column() -> None:
    matrix = interactions("110", "111", "110")

    weights = dense(matrix, catalogue(*"abc"), PLAIN)

    assert not weights[:, 2].any()
    assert weights[0, 1] > 0


def test_only_the_strongest_neighbours_are_kept() -> None:
    draw = np.random.default_rng(3)
    matrix = csr_array((draw.random((60, 30)) < 0.3).astype(np.float32))

    weights = item_weights(matrix, catalogue(*map(str, range(30))), Recipe(neighbours=5))

    assert np.diff(weights.indptr).max() == 5


def test_popular_targets_are_damped() -> None:
    matrix = interactions(*["110"] * 9, "101", "101")
    plain = dense(matrix, catalogue(*"abc"), PLAIN)

    damped = dense(matrix, catalogue(*"abc"), Recipe(popularity_exponent=0.5))

    np.testing.assert_allclose(damped[:, 1], plain[:, 1] / 3, rtol=1e-5)


def test_the_same_interactions_give_the_same_bytes() -> None:
    draw = np.random.default_rng(3)
    matrix = csr_array((draw.random((60, 30)) < 0.3).astype(np.float32))
    names = catalogue(*map(str, range(30)))

    first, second = (item_weights(matrix, names, DEFAULT) for _ in range(2))

    assert first.values.tobytes() == second.values.tobytes()
    assert first.indices.tobytes() == second.indices.tobytes()
