"""The profile, field by field."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain import (
    FEATURES,
    Blocked,
    Demographics,
    Features,
    Preferences,
    User,
)
from service.profile.history import fold
from service.profile.profile import FeaturePreference, Taste, describe
from tests.service.given import NOON, catalogue, listen, track

USER = User(
    id="u1",
    rev=7,
    preferences=Preferences(genres=("soul",)),
    demographics=Demographics(country="DE"),
    timezone="Asia/Tokyo",
    blocked=Blocked(artists=("X",)),
    updated_at=NOON,
)
KNOWN = catalogue(
    track("a", artist="Ann", genres=("Jazz", "soul"), features=Features(energy=0.2, tempo=125.0)),
    track("b", artist="ann", genres=("jazz",), features=Features(energy=0.6)),
    track("c", artist="Bob", features=Features(loudness=-30.0)),
    track("d", artist="Cid", genres=("rock",)),
)


def profile(*listens, user: User = USER):
    return describe(user, fold(listens, KNOWN), KNOWN)


def test_what_the_user_said_is_repeated() -> None:
    said = profile()

    assert (USER.id, USER.rev, USER.updated_at) == (said.user_id, said.rev, said.updated_at)
    assert (USER.preferences, USER.demographics) == (said.preferences, said.demographics)
    assert (USER.timezone, USER.blocked) == (said.timezone, said.blocked)


def test_artists_share_the_strength_by_any_spelling_in_the_first_one_seen() -> None:
    tastes = profile(listen("a"), listen("b"), listen("c", action="like")).top_artists

    assert [Taste("Ann", 0.6667), Taste("Bob", 0.3333)] == tastes


def test_a_track_splits_its_strength_over_its_genres() -> None:
    assert [Taste("Jazz", 0.75), Taste("soul", 0.25)] == profile(
        listen("a"), listen("b")
    ).top_genres


def test_what_is_not_liked_is_in_no_taste() -> None:
    listens = listen("a"), listen("d", action="dislike"), listen("c", action="skip")

    described = profile(*listens)

    assert ["Ann"] == [taste.name for taste in described.top_artists]
    assert "rock" not in {taste.name for taste in described.top_genres}


def test_at_most_ten_tastes_are_listed_best_first() -> None:
    many = catalogue(*(track(f"t{n}", genres=(f"g{n}",)) for n in range(15)))
    listens = [listen(f"t{n}", ms_played=(n + 1) * 1_000) for n in range(15)]

    described = describe(USER, fold(listens, many), many)

    assert [f"g{n}" for n in range(14, 4, -1)] == [taste.name for taste in described.top_genres]
    assert 10 == len(described.top_artists)


def test_features_are_weighted_means_and_spreads_over_the_tracks_that_have_them() -> None:
    """Energy .2 at strength 1 and .6 at strength .5; tempo and loudness of one track each."""
    heard = listen("a"), listen("b", ms_played=52_500), listen("c")

    audio = profile(*heard).audio_preferences

    assert {"energy", "tempo", "loudness"} == audio.keys()
    assert FeaturePreference(0.3333, 0.1886) == audio["energy"]
    assert FeaturePreference(0.5, 0.0) == audio["tempo"]
    assert FeaturePreference(0.5, 0.0) == audio["loudness"]


def test_hours_are_those_of_the_users_zone() -> None:
    patterns = profile(listen("a", plays=4)).listening_patterns

    assert 4 == patterns[0][21]
    assert 4 == sum(map(sum, patterns))


def test_rates_are_shares_of_plays() -> None:
    """Five plays of two tracks: three of them repeats. One skip beside them."""
    described = profile(listen("a", plays=4), listen("b"), listen("b", action="skip"))

    assert (0.6, 0.4) == (described.repeat_rate, described.discovery_rate)
    assert pytest.approx(1 / 6, abs=1e-4) == described.skip_rate
    assert 3 == described.listens


def test_nothing_heard_is_a_whole_profile_of_nothing() -> None:
    empty = profile(user=User(id="new"))

    assert (0, [], [], {}) == (
        empty.listens,
        empty.top_genres,
        empty.top_artists,
        empty.audio_preferences,
    )
    assert (0.0, 0.0, 0.0) == (empty.repeat_rate, empty.discovery_rate, empty.skip_rate)
    assert [[0] * 24] * 7 == empty.listening_patterns


def test_tracks_without_any_feature_leave_the_preferences_empty() -> None:
    assert {} == profile(listen("d")).audio_preferences


FEATURE = st.none() | st.floats(0, 1)
HEARD = st.lists(
    st.builds(
        listen,
        st.sampled_from(["t0", "t1", "t2", "gone"]),
        action=st.sampled_from(["play", "skip", "like", "dislike"]),
        ms_played=st.none() | st.integers(0, 400_000),
    )
)


@given(
    features=st.lists(
        st.dictionaries(st.sampled_from(FEATURES[:7]), FEATURE), min_size=3, max_size=3
    ),
    listens=HEARD,
)
def test_no_number_is_ever_null_in_json(features, listens) -> None:
    known = catalogue(*(track(f"t{n}", features=Features(**f)) for n, f in enumerate(features)))

    encoded = json.loads(msgspec.json.encode(describe(User(id="u"), fold(listens, known), known)))

    demographics = encoded.pop("demographics")
    assert {None} == set(demographics.values())
    assert "null" not in json.dumps(encoded)
    assert "NaN" not in json.dumps(encoded)
