import numpy as np
from scipy.sparse import csr_array

from service.domain import Track
from service.learn.recipe import DEFAULT, Recipe, item_weights
from service.learn.selection import LEAST, choose_blend, hold_out
from service.learn.training import view_of
from service.model.catalogue import Catalogue, empty_catalogue
from service.model.version import BlendWeights

USERS, TRACKS = 120, 60


def catalogue(artist_of_row) -> Catalogue:
    return empty_catalogue().with_tracks(
        [
            Track(id=f"t{row}", title=f"Song {row}", artist=f"artist {artist_of_row(row)}")
            for row in range(TRACKS)
        ]
    )


def fans_of_one_artist() -> csr_array:
    """User u plays four of the six tracks of artist u % 10 and nothing else."""
    draw = np.random.default_rng(1)
    matrix = np.zeros((USERS, TRACKS), np.float32)
    for user in range(USERS):
        matrix[user, 6 * (user % 10) + draw.permutation(6)[:4]] = 1
    return csr_array(matrix)


def choose(
    heard: csr_array, held_out: csr_array, tracks: Catalogue, recipe: Recipe = DEFAULT
) -> BlendWeights:
    items = item_weights(heard, tracks, recipe)
    trial = view_of(items, heard, tracks, BlendWeights())
    return choose_blend(trial, heard, held_out, k=5, progress=lambda _: None)


def test_hold_out_splits_every_pair_once_and_always_the_same_way() -> None:
    matrix = fans_of_one_artist()
    heard, held_out = hold_out(matrix)

    np.testing.assert_array_equal((heard + held_out).toarray(), matrix.toarray())
    assert heard.multiply(held_out).nnz == 0
    assert 0.05 < held_out.nnz / matrix.nnz < 0.15
    np.testing.assert_array_equal(hold_out(matrix)[1].toarray(), held_out.toarray())


def test_a_part_that_helps_gets_weight() -> None:
    """One track heard each, no two alike, no kinship in the model: only the artist says more."""
    everything = fans_of_one_artist().toarray()
    first = np.zeros_like(everything)
    first[np.arange(USERS), everything.argmax(axis=1)] = 1

    weights = choose(
        csr_array(first),
        csr_array(everything - first),
        catalogue(lambda row: row // 6),
        recipe=Recipe(kinship=0),
    )

    assert weights.artist > LEAST


def test_a_part_that_knows_nothing_keeps_the_least_weight() -> None:
    """Artists given by lot say nothing about taste."""
    heard, held_out = hold_out(fans_of_one_artist())
    lot = np.random.default_rng(2).permutation(TRACKS) % 10

    weights = choose(heard, held_out, catalogue(lambda row: lot[row]))

    assert LEAST == weights.artist


def test_nothing_held_out_means_default_weights() -> None:
    heard = fans_of_one_artist()

    assert BlendWeights() == choose(
        heard, csr_array(np.zeros(heard.shape, np.float32)), catalogue(int)
    )
