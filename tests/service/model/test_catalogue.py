"""The catalogue as arrays: rows stay, editions do not change."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain import FEATURES, Features
from service.model.catalogue import UNKNOWN, Catalogue, empty_catalogue, feature_vector
from tests.service.given import catalogue, track

ARRAYS = (
    *("features", "artists", "albums", "works", "genre_sets", "explicit", "popularity"),
    "durations_ms",
)


def state(known: Catalogue) -> dict:
    """Everything a request may read of an edition."""
    arrays = {name: getattr(known, name).tobytes() for name in ARRAYS}
    names = [
        getattr(known, f"{kind}_names").spelled.copy() for kind in ("artist", "album", "genre")
    ]
    codes = [known.genre_names.known([name]) for name in ("g1", "g2", "g3")]
    matrix = known.genre_matrix.toarray().tobytes()
    return arrays | {"briefs": list(known.briefs), "names": names, "codes": codes, "matrix": matrix}


def genres(known: Catalogue, track_id: str) -> dict[str, float]:
    shares = known.genre_matrix[[known.genre_sets[known.rows[track_id]]]]
    names = [known.genre_names.spelled[code] for code in shares.indices]
    return dict(zip(names, shares.data.tolist(), strict=True))


def test_an_empty_catalogue_knows_nothing() -> None:
    empty = empty_catalogue()

    assert (0, None, False) == (empty.size, empty.row("a"), empty.knows("a"))
    assert (9, 0) == empty.features.shape


@given(st.lists(st.lists(st.integers(0, 9), max_size=4), max_size=6))
def test_rows_follow_the_order_of_first_sight_and_never_move(batches) -> None:
    known, seen = empty_catalogue(), list[str]()
    for batch in batches:
        known = known.with_tracks([track(f"t{n}") for n in batch])
        seen += [name for name in dict.fromkeys(f"t{n}" for n in batch) if name not in seen]

        assert list(range(len(seen))) == [known.row(name) for name in seen]
        assert seen == [brief.id for brief in known.briefs]
        assert {len(seen)} == {getattr(known, name).shape[-1] for name in ARRAYS}


def test_every_change_is_a_new_edition_and_the_same_tracks_are_the_same_one_everywhere() -> None:
    first = catalogue(track("a"))
    grown = first.with_tracks([track("b")])
    renamed = grown.with_tracks([track("b", title="Other")])

    assert 3 == len({first.edition, grown.edition, renamed.edition})
    assert grown.edition == renamed.with_tracks([track("b")]).edition
    assert grown.edition == catalogue(track("a"), track("b")).edition
    assert grown.edition != catalogue(track("b"), track("a")).edition  # rows travel with answers


def test_an_old_edition_is_unchanged_by_what_comes_after() -> None:
    old = catalogue(track("a", genres=("g1",), album="One", features=Features(energy=0.5)))
    before = state(old)

    old.with_tracks(
        [
            track("b", genres=("g2", "g1")),
            track("a", artist="New", genres=("g3",), album="Two", explicit=True, duration_ms=5),
        ]
    )

    assert before == state(old)
    assert (1, None, False) == (old.size, old.row("b"), old.knows("b"))


def test_a_replaced_track_changes_where_it_is() -> None:
    first = catalogue(track("a", popularity=5), track("b", popularity=6))

    second = first.with_tracks([track("a", title="New", artist="Zoe", popularity=9, explicit=True)])

    assert (0, 1) == (second.row("a"), second.row("b"))
    assert ("a", "New", "Zoe") == (
        second.briefs[0].id,
        second.briefs[0].title,
        second.briefs[0].artist,
    )
    assert [9.0, 6.0] == second.popularity.tolist()
    assert [True, False] == second.explicit.tolist()
    assert second.artist_names.spelled[second.artists[0]] == "Zoe"


def test_the_last_of_two_tracks_with_one_id_counts() -> None:
    known = catalogue(track("a", popularity=1), track("a", popularity=2))

    assert [2.0] == known.popularity.tolist()


def test_artists_are_one_by_any_case_and_keep_their_first_spelling() -> None:
    known = catalogue(track("a", artist="ABBA"), track("b", artist="Abba"), track("c", artist="AC"))

    assert known.artists[0] == known.artists[1] != known.artists[2]
    assert ["ABBA", "AC"] == known.artist_names.spelled
    assert [0] == known.artist_names.known(["abba", "nobody"])


def test_a_missing_artist_is_no_artist() -> None:
    known = catalogue(track("a", artist="Unknown"), track("b", artist="unknown"))

    assert [UNKNOWN, UNKNOWN] == known.artists.tolist()


def test_an_album_belongs_to_its_artist() -> None:
    """Every second band has a “Greatest Hits”."""
    known = catalogue(
        track("a", artist="X", album="Hits"),
        track("b", artist="X", album="Hits"),
        track("c", artist="Y", album="Hits"),
        track("d", artist="Y"),
    )

    assert known.albums[0] == known.albums[1] != known.albums[2]
    assert UNKNOWN == known.albums[3]


def test_a_set_of_genres_is_stored_once_and_shares_a_track_equally() -> None:
    known = catalogue(
        track("a", genres=("jazz", "soul")),
        track("b", genres=("Soul", "JAZZ", "jazz")),
        track("c", genres=("jazz",)),
        track("d"),
    )

    assert known.genre_sets[0] == known.genre_sets[1] != known.genre_sets[2]
    assert {"jazz": 0.5, "soul": 0.5} == genres(known, "b")
    assert {"jazz": 1.0} == genres(known, "c")
    assert {} == genres(known, "d")


def test_what_is_unknown_of_a_track_is_nan_or_zero() -> None:
    known = catalogue(track("a"))

    assert np.isnan(known.features).all()
    assert np.isnan(known.popularity).all()
    assert (0, False) == (known.durations_ms[0], known.explicit[0])


@pytest.mark.parametrize(
    "name, value, scaled",
    [
        ("tempo", 0, 0.0),
        ("tempo", 125, 0.5),
        ("tempo", 250, 1.0),
        ("tempo", 400, 1.0),
        ("loudness", -90, 0.0),
        ("loudness", -60, 0.0),
        ("loudness", -15, 0.75),
        ("loudness", 0, 1.0),
        ("loudness", 4, 1.0),
        ("energy", 0.37, 0.37),
        ("speechiness", 0.0, 0.0),
    ],
)
def test_features_are_scaled_to_one_and_missing_ones_are_nan(name, value, scaled) -> None:
    vector = feature_vector(track("a", features=Features(**{name: value})))

    assert scaled == pytest.approx(vector[FEATURES.index(name)])
    assert 8 == np.isnan(vector).sum()


def test_features_lie_feature_by_feature_as_the_kernels_want_them() -> None:
    known = catalogue(track("a"), track("b", features=Features(energy=0.5)))

    assert known.features.flags.c_contiguous
    assert "float32" == str(known.features.dtype)
    assert 0.5 == known.features[FEATURES.index("energy"), 1]


def by_ann(track_id: str, title: str):
    return track(track_id, title=title, artist="Ann")


def test_recordings_of_a_work_share_a_code_whenever_they_come() -> None:
    first = empty_catalogue().with_tracks([by_ann("a", "One"), by_ann("b", "Two")])
    second = first.with_tracks([by_ann("c", "One - Remastered 2011")])
    third = second.with_tracks([by_ann("b", "One (Live)")])

    assert second.works[0] == second.works[2] != second.works[1]
    assert 1 == len(set(third.works.tolist()))
    assert 2 == len(set(first.works.tolist()))


def test_a_track_of_nobody_is_a_work_of_its_own() -> None:
    known = empty_catalogue().with_tracks([track("a", artist="Unknown")])

    assert [-1] == known.works.tolist()
