"""Query strings as Spotify reads them, and what is said of each attribute."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain import Features
from service.doors.spotify.attributes import RANGES, distance_of, values_of, within_of
from service.doors.spotify.question import ids_of, question_of
from service.doors.spotify.refusals import Refused
from tests.service import given as made

ATTRIBUTES = sorted(RANGES)


def test_there_are_forty_two_tunables() -> None:
    query = "&".join(f"{kind}_{name}=1" for kind in ("min", "max", "target") for name in RANGES)
    question = question_of(f"seed_genres=jazz&{query}".encode())

    assert 14 == len(RANGES)
    everything = dict.fromkeys(RANGES, 1.0)
    assert (everything, everything, everything) == (question.least, question.most, question.wishes)


def test_seeds_are_told_apart_and_uris_are_ids() -> None:
    question = question_of(
        b"seed_artists=spotify:artist:ab&seed_tracks=c%2Cspotify:track:d&seed_genres=hip-hop,&x=1"
    )

    assert (("ab",), ("c", "d"), ("hip-hop",)) == (
        question.artists,
        question.tracks,
        question.genres,
    )
    assert (20, {}, {}, {}) == (question.limit, question.least, question.most, question.wishes)


@pytest.mark.parametrize(
    "query, message",
    [
        ("", "1 to 5 seeds"),
        ("seed_genres=a,b,c&seed_tracks=d,e,f", "1 to 5 seeds"),
        ("seed_tracks=a%00", "invalid track id"),
        ("seed_artists=a.b", "invalid artist id"),
        ("seed_tracks=" + "x" * 65, "invalid track id"),
        ("seed_genres=" + "x" * 65, "seed_genres"),
        ("seed_genres=%ff", "no UTF-8"),
        ("a=1&" * 120, "too many parameters"),
        *(
            (f"seed_genres=a&limit={text}", "limit")
            for text in ("0", "101", "1e1", "", "x", "%d9%a3")
        ),
        *(
            (f"seed_genres=a&target_energy={text}", "invalid target_energy")
            for text in ("", "nan", "inf", "1.1", "-0.1", "1e999", "0x1", "a", "1" * 50, "1_0")
        ),
        ("seed_genres=a&min_key=12", "invalid min_key"),
        ("seed_genres=a&max_tempo=-1", "invalid max_tempo"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(query: str, message: str) -> None:
    with pytest.raises(Refused, match=message) as refused:
        question_of(query.encode())

    assert 400 == refused.value.status


@pytest.mark.parametrize("query", ["", "ids=", "ids=,", "ids=a b", "ids=" + "a," * 51])
def test_ids_are_some_and_not_too_many(query: str) -> None:
    assert 50 == len(ids_of(b"ids=" + b"a," * 50, most=50))
    with pytest.raises(Refused):
        ids_of(query.replace(" ", "%20").encode(), most=50)


@given(st.binary(max_size=60))
def test_no_query_string_is_anything_but_answered_or_refused(raw: bytes) -> None:
    for read in (question_of, lambda query: ids_of(query, most=50)):
        try:
            read(raw)
        except Refused as refused:
            assert 400 == refused.status  # noqa: PT017 - that it is no other error is the point


@given(st.sampled_from(ATTRIBUTES), st.floats(0, 1), st.floats(0, 1))
def test_bounds_hold_for_what_is_answered(name: str, one: float, other: float) -> None:
    catalogue = made.catalogue()
    low, high = RANGES[name]
    least, most = sorted((low + one * (high - low), low + other * (high - low)))
    within = within_of(catalogue, {name: least}, {name: most})
    values = values_of(catalogue, name)

    assert within is not None
    assert all(least <= value <= most for value in values[within])
    assert not any(least <= value <= most for value in values[~within])


def test_distances_are_known_answers() -> None:
    catalogue = made.catalogue(
        made.track("a", features=Features(energy=0.5, tempo=125)),
        made.track("b", features=Features(energy=1.0)),
        made.track("c"),
    )
    near = distance_of(catalogue, {"energy": 0.5, "tempo": 125.0})
    assert near is not None

    np.testing.assert_allclose([0.0, 0.5, np.nan], near, atol=1e-6)
    assert distance_of(catalogue, {"key": 3.0, "mode": 0.0}) is None
    assert distance_of(catalogue, {}) is None
    assert within_of(catalogue, {}, {}) is None
