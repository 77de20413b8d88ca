"""Each metric of listens and lists that can be counted by hand; batches add up to the whole."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain import Listen, ShownList, Track, milliseconds
from service.experiments.metrics import METRICS, Tally, tally, together
from service.experiments.observed import observe
from service.model.catalogue import empty_catalogue

START = datetime(2026, 11, 1, tzinfo=UTC)
HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
CATALOGUE = empty_catalogue().with_tracks(
    [
        Track(id=f"t{n}", title=f"Song {n}", artist=f"Artist {n // 2}", duration_ms=200_000)
        for n in range(40)
    ]
)


def play(track: int, at: timedelta, *, ms: int | None = 200_000, **more) -> Listen:
    return Listen(
        user_id="u", track_id=f"t{track}", at=START + at, id=f"{track}@{at}", ms_played=ms, **more
    )


def shown(list_id: str, at: timedelta, *, took_ms: float = 4.0) -> ShownList:
    return ShownList("u", list_id, ["t0"], [1.0], {"x": "a"}, START + at, took_ms)


def of(
    listens: list[Listen], *lists: ShownList, until: timedelta = 30 * DAY, now: timedelta = 60 * DAY
) -> Tally:
    seen = observe({"u": lists or [shown("first", 0 * HOUR)]}, {"u": listens}, CATALOGUE)
    ends = (milliseconds(START + until), milliseconds(START + now))
    return tally(seen, np.zeros(1, np.int32), 1, until=ends[0], now=ends[1])


def ratio(found: Tally, metric: str) -> tuple[float, float, float]:
    (only,) = found[metric]
    return only.y, only.z, only.x


def test_a_session_ends_with_half_an_hour_of_silence() -> None:
    minutes = [play(n, n * 4 * MINUTE) for n in range(3)]  # 8 min and the last one's 3:20
    later = [play(5, 8 * MINUTE + timedelta(milliseconds=200_000) + 30 * MINUTE)]
    apart = [play(6, 3 * HOUR)]
    found = of([*minutes, *later, *apart])

    length = (8 + 200 / 60) + 30 + 200 / 60
    y, z, _ = ratio(found, "session_length")
    assert y == pytest.approx(length + 200 / 60)
    assert 2 == z
    assert (2, 1) == ratio(found, "sessions")[:2]


def test_plays_skips_and_completion() -> None:
    listens = [
        play(0, 1 * MINUTE),
        play(1, 5 * MINUTE, ms=29_999),
        play(2, 6 * MINUTE, ms=None),
        play(3, 10 * MINUTE, ms=50_000, action="skip"),
        play(4, 11 * MINUTE, ms=None, action="like"),
    ]
    found = of(listens)

    assert (2, 1) == ratio(found, "plays")[:2]
    assert (1, 4) == ratio(found, "skip_rate")[:2]
    y, z, _ = ratio(found, "completion")
    assert y == pytest.approx(1 + 29_999 / 200_000 + 1 + 0.25)
    assert 4 == z
    assert (2, 3) == ratio(found, "diversity")[:2]


def test_a_click_is_thirty_seconds_of_the_list_within_a_day() -> None:
    lists = [shown(name, 0 * HOUR, took_ms=2.5) for name in ("good", "short", "late", "never")]
    listens = [
        play(0, 1 * HOUR, list_id="good"),
        play(1, 2 * HOUR, list_id="good"),
        play(2, 3 * HOUR, ms=20_000, list_id="short"),
        play(3, 25 * HOUR, list_id="late"),
        play(4, 4 * HOUR, list_id="somebody else's"),
    ]
    found = of(listens, *lists)

    assert (1, 4) == ratio(found, "click_through")[:2]
    assert (10.0, 4) == ratio(found, "latency")[:2]


def test_discovery_is_of_users_with_twenty_earlier_plays() -> None:
    earlier = [play(n % 5, -10 * DAY + n * HOUR) for n in range(20)]
    after = [play(3, HOUR), play(30, 2 * HOUR), play(30, 3 * HOUR), play(31, 4 * HOUR)]

    assert (2, 4) == ratio(of([*earlier, *after]), "discovery_rate")[:2]
    assert 0 == of([*earlier[1:], *after])["discovery_rate"][0].n


@pytest.mark.parametrize("hours, came", [(167.99, 0), (168.0, 1), (191.99, 1), (192.0, 0)])
def test_whoever_plays_in_the_eighth_day_has_returned(hours, came) -> None:
    found = of([play(1, hours * HOUR)])

    assert (came, 1) == ratio(found, "retention_7d")[:2]


def test_whoever_came_less_than_eight_days_ago_is_not_asked_yet() -> None:
    assert 1 == of([], now=192 * HOUR)["retention_7d"][0].n
    assert 0 == of([], now=191 * HOUR)["retention_7d"][0].n


def test_only_what_lies_between_the_first_list_and_the_end_counts() -> None:
    listens = [play(0, -HOUR), play(1, HOUR), play(2, 40 * DAY)]
    found = of(listens)

    assert (1, 1, 1.0) == ratio(found, "plays")


def test_ratings_are_their_mean() -> None:
    rated = [
        play(n, n * HOUR, ms=None, action="rating", rating=stars)
        for n, stars in enumerate((4.5, 3.0))
    ]
    assert (7.5, 2) == ratio(of(rated), "rating")[:2]


def test_nothing_timed_wrongly_and_nothing_unknown_breaks_it() -> None:
    strange = [
        Listen(user_id="u", track_id="gone", at=START + HOUR, id="x"),
        play(1, 2 * HOUR, timed=False),
    ]
    found = of(strange)

    assert (1, 1) == ratio(found, "plays")[:2]
    assert 0 == found["completion"][0].z
    assert set(METRICS) == set(found)


def test_of_nobody_the_sums_are_those_of_nobody() -> None:
    seen = observe({}, {}, CATALOGUE)
    found = tally(seen, np.zeros(0, np.int32), 2, until=0, now=0)

    assert {0} == {arm.n for arms in found.values() for arm in arms}


PLAYED = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 39), st.integers(-40 * 24, 40 * 24), st.booleans()),
    max_size=60,
)


@settings(deadline=None)
@given(PLAYED, st.integers(1, 3))
def test_batches_of_users_add_up(played, cut) -> None:
    users = [f"u{n}" for n in range(4)]
    listens = {
        user: [
            play(track, hour * HOUR, action="skip" if skipped else "play")
            for who, track, hour, skipped in dict.fromkeys(played)
            if users[who] == user
        ]
        for user in users
    }
    lists = {user: [shown(f"of {user}", place * HOUR)] for place, user in enumerate(users)}
    ends = {"until": milliseconds(START + 30 * DAY), "now": milliseconds(START + 60 * DAY)}

    def sums(some: list[str]) -> Tally:
        seen = observe({user: lists[user] for user in some}, listens, CATALOGUE)
        arm = np.array([users.index(user) % 2 for user in some], np.int32)
        return tally(seen, arm, 2, **ends)

    whole, parts = sums(users), together(sums(users[:cut]), sums(users[cut:]))
    for metric in METRICS:
        for one, other in zip(whole[metric], parts[metric], strict=True):
            mine, theirs = (
                [getattr(of_, name) for name in of_.__struct_fields__] for of_ in (one, other)
            )
            assert mine == pytest.approx(theirs), metric
