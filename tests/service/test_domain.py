"""What may come in over the wire, and what may not."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain import (
    NO_CONTEXT,
    Context,
    Demographics,
    Listen,
    ListenId,
    Track,
    TrackId,
    UserId,
    milliseconds,
)

BAD_IDS = ["a\n", "\na", "a b", "a\0", "ä", "１", "٣", "a/b", "a|b", '{"$gt":""}', "x" * 65]
TRACK = {"id": "t1", "title": "T", "artist": "A"}


def accepts(kind: object, value: object) -> bool:
    try:
        msgspec.json.decode(msgspec.json.encode(value), type=kind)
    except msgspec.ValidationError:
        return False
    return True


@pytest.mark.parametrize("text", ["a", "0", "x" * 64, "Zz9"])
def test_ids_of_tracks_are_base62_of_one_to_64(text) -> None:
    assert accepts(TrackId, text)
    assert accepts(UserId, text)


@pytest.mark.parametrize("text", [*BAD_IDS, "", "a.b", "a-b", "a@b"])
def test_what_is_no_track_id_is_refused(text) -> None:
    assert not accepts(TrackId, text)


@pytest.mark.parametrize("text", [*BAD_IDS, "", ".a", "-a", "@a", "~a", "_a"])
def test_what_is_no_user_id_is_refused(text) -> None:
    assert not accepts(UserId, text)


@pytest.mark.parametrize("text", ["me@home.org", "a_b~c.d-e"])
def test_user_ids_may_look_like_mail_addresses(text) -> None:
    assert accepts(UserId, text)


@pytest.mark.parametrize("text", ["a b", "a\n", "\x7f", "é", "x" * 65])
def test_what_is_no_listen_id_is_refused(text) -> None:
    assert not accepts(ListenId, text)


@given(st.text(max_size=70))
def test_an_accepted_id_survives_urls_keys_and_logs(text) -> None:
    for kind in (TrackId, UserId):
        if accepts(kind, text):
            assert text.isascii()
            assert text.isprintable()
            assert not set(text) & set(" /|,?#%&+\\\"'")


@pytest.mark.parametrize("text", ["1999", "1999-12", "1999-12-31"])
def test_a_release_is_a_year_a_month_or_a_day(text) -> None:
    assert accepts(Track, TRACK | {"released": text})


@pytest.mark.parametrize("text", ["99", "1999-1", "1999\n", "٢٠٢٦", "1999-12-31T00:00"])
def test_a_release_is_nothing_else_and_its_digits_are_ascii(text) -> None:
    assert not accepts(Track, TRACK | {"released": text})


@pytest.mark.parametrize(
    "change",
    [
        {"title": ""},
        {"title": " \t"},
        {"artist": "x" * 501},
        {"features": {"energy": 1.01}},
        {"features": {"energy": -0.01}},
        {"features": {"mood": 0.5}},
        {"duration_ms": 0},
        {"popularity": 101},
        {"genres": ["x"] * 33},
        {"sung": True},
    ],
)
def test_a_track_that_cannot_be_true_is_refused(change) -> None:
    assert accepts(Track, TRACK)
    assert not accepts(Track, TRACK | change)


@pytest.mark.parametrize(
    "change",
    [
        {"at": "2026-05-01T12:00:00"},
        {"at": 1_700_000_000},
        {"action": "love"},
        {"plays": 0},
        {"plays": 1.5},
        {"ms_played": -1},
        {"rating": 0.4},
        {"rating": 5.1},
        {"surprise": 1},
    ],
)
def test_a_listen_that_cannot_be_true_is_refused(change) -> None:
    listen = {"user_id": "u", "track_id": "t", "at": "2026-05-01T12:00:00Z"}

    assert accepts(Listen, listen)
    assert not accepts(Listen, listen | change)


@pytest.mark.parametrize("code", ["de", "DEU", "DE\n", "ÄÖ"])
def test_a_country_is_two_capital_letters(code) -> None:
    assert accepts(Demographics, {"country": "DE"})
    assert not accepts(Demographics, {"country": code})


def test_a_context_is_given_when_any_of_it_is() -> None:
    assert not NO_CONTEXT.given
    for part in ({"mood": "sad"}, {"device": "car"}, {"daypart": "night"}, {"weekend": False}):
        assert Context(**part).given


def test_milliseconds_are_exact() -> None:
    assert 1_700_000_000_001 == milliseconds(datetime(2023, 11, 14, 22, 13, 20, 1_999, tzinfo=UTC))
