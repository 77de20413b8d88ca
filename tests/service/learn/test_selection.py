import numpy as np
from scipy.sparse import csr_array

from core.als import gram
from core.linear import ItemWeights, truncate
from core.spectral import Directions
from service.domain import Track
from service.learn.evaluation import view_of
from service.learn.recipe import DEFAULT, item_weights
from service.learn.selection import LEAST, choose_blend, hold_out
from service.model.catalogue import Catalogue, empty_catalogue
from service.model.latent import NOTHING_LATENT, Factors, Latent
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
    heard: csr_array,
    held_out: csr_array,
    tracks: Catalogue,
    items: ItemWeights | None = None,
    latent: Latent = NOTHING_LATENT,
) -> BlendWeights:
    items = items or item_weights(heard, tracks, DEFAULT)
    trial = view_of(items, heard, tracks, BlendWeights(), latent=latent)
    return choose_blend(trial, heard, held_out, k=5, progress=lambda _: None)


def noise() -> ItemWeights:
    """What a collaborative part that knows nothing says."""
    dense = np.random.default_rng(3).standard_normal((TRACKS, TRACKS)).astype(np.float32)
    return truncate(dense, TRACKS, tracks=np.arange(TRACKS, dtype=np.int32), n=TRACKS)


def test_hold_out_splits_every_pair_once_and_always_the_same_way() -> None:
    matrix = fans_of_one_artist()
    heard, held_out = hold_out(matrix)

    np.testing.assert_array_equal((heard + held_out).toarray(), matrix.toarray())
    assert heard.multiply(held_out).nnz == 0
    assert 0.05 < held_out.nnz / matrix.nnz < 0.15
    np.testing.assert_array_equal(hold_out(matrix)[1].toarray(), held_out.toarray())


def one_track_each() -> tuple[csr_array, csr_array]:
    """One track heard by each, no two alike, and the rest of the artist held out."""
    everything = fans_of_one_artist().toarray()
    first = np.zeros_like(everything)
    first[np.arange(USERS), everything.argmax(axis=1)] = 1
    return csr_array(first), csr_array(everything - first)


def test_a_part_that_helps_gets_weight() -> None:
    weights = choose(*one_track_each(), catalogue(lambda row: row // 6), noise())

    assert weights.artist > LEAST


def test_a_latent_part_that_knows_more_gets_weight_and_one_that_knows_nothing_gets_none() -> None:
    heard, held_out = one_track_each()
    of_artist = np.repeat(np.eye(10, dtype=np.float32), 6, axis=0)
    lot = np.random.default_rng(4).standard_normal((TRACKS, 10)).astype(np.float32)
    unheard = heard.sum(axis=0) == 0
    of_artist[unheard] = lot[unheard] = 0  # as a fit leaves them
    knows = Directions(of_artist, of_artist)
    guesses = Factors(tracks=lot, square=gram(lot), alpha=1.0, l2=1.0)
    strangers = catalogue(int)

    weights = choose(heard, held_out, strangers, noise(), Latent(spectral=knows, factors=guesses))

    assert weights.spectral >= 1
    assert weights.factors < 0.1
    assert 0 == weights.online


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
