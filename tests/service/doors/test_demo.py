"""The demo world: the same every time, and like music in the ways a recommender cares about."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from service.domain import Listen, Track, User
from service.doors.demo import world
from tests.service.doors.house import House

NOW = datetime(2026, 11, 23, 5, tzinfo=UTC)


def small_world(seed: int = 7):
    return world(seed=seed, tracks=900, listeners=150, listens=15_000, now=NOW)


@pytest.fixture(scope="module")
def small():
    made = small_world()
    return made.tracks, made.users, list(made.listens)


def test_the_same_seed_and_time_give_the_same_bytes(small) -> None:
    tracks, users, listens = small
    again = small_world()

    assert msgspec.json.encode(tracks) == msgspec.json.encode(again.tracks)
    assert msgspec.json.encode(users) == msgspec.json.encode(again.users)
    assert msgspec.json.encode(listens) == msgspec.json.encode(list(again.listens))


def test_another_seed_gives_another_world(small) -> None:
    tracks, _, _ = small
    other = small_world(seed=8)

    assert not {track.id for track in tracks} & {track.id for track in other.tracks}


def test_everything_is_valid_where_it_enters(small) -> None:
    tracks, users, listens = small

    assert tracks == msgspec.json.decode(msgspec.json.encode(tracks), type=list[Track])
    assert users == msgspec.json.decode(msgspec.json.encode(users), type=list[User])
    assert listens == msgspec.json.decode(msgspec.json.encode(listens), type=list[Listen])


@pytest.mark.parametrize(
    "tracks, listeners, listens",
    [(1, 1, 1), (1, 3, 50), (60, 1, 1), (40, 500, 90), (200, 3, 5_000)],
)
def test_any_size_works_and_is_kept(tracks: int, listeners: int, listens: int) -> None:
    made = world(tracks=tracks, listeners=listeners, listens=listens, now=NOW)

    assert (tracks, listeners, listens) == (
        len({track.id for track in made.tracks}),
        len({user.id for user in made.users}),
        len(list(made.listens)),
    )


def test_every_row_is_stored_once(tmp_path, small) -> None:
    house = House(tmp_path)
    for expected in (15_900, 0):
        rows = small_world().rows()
        assert expected == house.take(rows).stored


def test_the_sizes_of_the_full_world() -> None:
    made = world(now=NOW)
    listens = list(made.listens)

    assert (6_000, 2_000, 200_000) == (len(made.tracks), len(made.users), len(listens))
    assert {user.id for user in made.users} == {listen.user_id for listen in listens}
    assert 400 < len({track.artist for track in made.tracks}) < 800
    played = Counter(listen.track_id for listen in listens)
    top = sorted(played.values(), reverse=True)
    assert 0.4 < sum(top[: len(top) // 10]) / sum(top) < 0.7  # a head and a long tail
    assert len(played) > 5_000


def test_listens_lie_in_the_last_90_days_and_after_the_release(small) -> None:
    tracks, _, listens = small
    released = {track.id: track.released or "" for track in tracks}

    assert NOW - timedelta(days=91) < min(one.at for one in listens)
    assert NOW - timedelta(hours=30) < max(one.at for one in listens) < NOW
    assert all(released[one.track_id] <= str(one.at.date()) for one in listens)


def test_people_repeat_skip_and_say_what_they_like(small) -> None:
    _, _, listens = small
    actions = Counter(one.action for one in listens)
    plays = [(one.user_id, one.track_id) for one in listens if one.action in {"play", "skip"}]

    assert {"play", "skip", "like", "dislike", "save", "rating"} == set(actions)
    assert 0.05 < actions["skip"] / len(listens) < 0.3
    assert 0.3 < 1 - len(set(plays)) / len(plays) < 0.8
    assert all(one.ms_played < 30_000 for one in listens if one.action == "skip")
    assert all((one.rating is not None) == (one.action == "rating") for one in listens)


def test_listeners_keep_to_a_few_tastes(small) -> None:
    tracks, _, listens = small
    scene = {track.id: track.genres[1] for track in tracks}
    heard: dict[str, Counter] = {}
    for one in listens:
        heard.setdefault(one.user_id, Counter())[scene[one.track_id]] += 1
    shares = [
        sum(count for _, count in scenes.most_common(4)) / scenes.total()
        for scenes in heard.values()
        if scenes.total() > 50
    ]

    assert sum(shares) / len(shares) > 0.7
    assert len(set(scene.values())) > 30


def test_commuters_listen_at_rush_hour_and_few_at_four_in_the_morning() -> None:
    made = world(tracks=500, listeners=400, listens=40_000, now=NOW)
    zones = {user.id: ZoneInfo(user.timezone) for user in made.users}
    local = [(one, one.at.astimezone(zones[one.user_id])) for one in made.listens]
    commute = Counter(at.hour for one, at in local if one.context == "commute")
    hours = Counter(at.hour for _, at in local)

    assert sum(commute[hour] for hour in (7, 8, 9, 17, 18, 19)) > 0.8 * commute.total()
    assert hours[4] < 0.5 * hours[20]
    assert all(at.weekday() < 5 for one, at in local if one.context == "commute" and at.hour > 3)


def test_some_new_releases_trend_in_the_last_week() -> None:
    made = world(now=NOW, listens=60_000)
    new = {
        one.id
        for one in made.tracks
        if (one.released or "") >= str((NOW - timedelta(days=46)).date())
    }
    listens = list(made.listens)
    lately = [one for one in listens if one.at > NOW - timedelta(days=7)]
    before = [one for one in listens if one.at <= NOW - timedelta(days=7)]

    def share(some) -> float:
        return sum(one.track_id in new for one in some) / len(some)

    assert share(lately) > 3 * share(before)


def test_some_features_are_missing_and_some_tracks_are_explicit(small) -> None:
    tracks, users, _ = small

    assert 0.01 < sum(one.features.energy is None for one in tracks) / len(tracks) < 0.1
    assert 0.02 < sum(one.explicit for one in tracks) / len(tracks) < 0.3
    assert any(not user.preferences.explicit for user in users)
    assert len({user.timezone for user in users}) > 8


def test_genres_sound_like_themselves() -> None:
    tracks = world(tracks=3_000, listeners=1, listens=1, now=NOW).tracks

    def mean(genre: str, feature: str) -> float:
        found = [getattr(one.features, feature) for one in tracks if one.genres[0] == genre]
        heard = [value for value in found if value is not None]
        return sum(heard) / len(heard)

    assert mean("metal", "energy") > mean("ambient", "energy") + 0.5
    assert mean("classical", "acousticness") > mean("techno", "acousticness") + 0.5
    assert mean("drum and bass", "tempo") > 160
