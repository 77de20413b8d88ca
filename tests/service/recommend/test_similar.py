"""Tracks near a track, and what is trending."""

import msgspec
import pytest

from service.cache.revs import Revs
from service.cache.two_level import TwoLevel
from service.domain import Blocked, Features, UserSettings
from service.errors import UnknownTrack, UnknownUser
from service.model.current import Current
from service.recommend.similar import SimilarTracks
from service.store.memory import MemoryStore
from tests import worlds
from tests.service.given import NOON, listen, model, track


class Desk:
    """Similar tracks and what is behind them."""

    def __init__(self, *tracks, fitted: bool = False) -> None:
        self.store, self.current = MemoryStore(), Current(lambda: NOON)
        self.current.add_tracks(list(tracks) or worlds.tracks())
        if fitted:
            self.current.model = model(self.current.catalogue)
        self.similar = SimilarTracks(self.store, self.current, TwoLevel(1 << 20, Revs()))

    async def near(self, track_id: str, *, limit: int = 10, user: str | None = None):
        return (await self.similar.of(track_id, limit=limit, user_id=user)).similar


@pytest.mark.parametrize("fitted", [True, False])
async def test_near_a_track_are_tracks_of_its_kind_and_never_itself(fitted) -> None:
    near = await Desk(fitted=fitted).near("folk03")

    names = [one.track.id for one in near]
    assert "folk03" not in names
    assert {"folk"} == {name[:-2] for name in names}
    assert list(range(1, 11)) == [one.rank for one in near]


async def test_a_track_the_model_does_not_know_is_found_by_its_content() -> None:
    desk = Desk(fitted=True)
    desk.current.add_tracks([track("new", genres=("metal",))])

    assert {"metal"} == {one.track.id[:-2] for one in await desk.near("new", limit=5)}


async def test_a_listeners_own_taste_moves_the_order() -> None:
    desk = Desk(
        track("seed", genres=("x",), features=Features(energy=0.5)),
        track("calm", genres=("x",), artist="A", features=Features(energy=0.4)),
        track("loud", genres=("x",), artist="B", features=Features(energy=0.6)),
        track("other", features=Features(energy=0.1)),
        track("played", artist="B", features=Features(energy=1.0)),
    )
    await desk.store.append([listen("played")])

    assert ["calm", "loud"] == [one.track.id for one in await desk.near("seed", limit=2)]
    assert "loud" == (await desk.near("seed", user="u1"))[0].track.id


async def test_a_listener_is_spared_what_they_dislike_or_block_but_may_hear_what_they_played() -> (
    None
):
    desk = Desk()
    await desk.store.append([listen("folk01", action="dislike"), listen("folk02")])
    await desk.store.put_user("u1", UserSettings(blocked=Blocked(artists=("Folk Artist 4",))))

    names = {one.track.id for one in await desk.near("folk03", limit=19, user="u1")}

    assert not names & {"folk01", "folk04", "folk14", "folk03"}
    assert "folk02" in names


async def test_a_listener_without_a_history_gets_what_everybody_gets() -> None:
    desk = Desk()
    await desk.store.put_user("u1", UserSettings())

    everybody, mine = await desk.near("folk03"), await desk.near("folk03", user="u1")

    assert [one.track.id for one in everybody] == [one.track.id for one in mine]


async def test_an_unknown_track_or_user_is_said_to_be_unknown() -> None:
    desk = Desk()

    with pytest.raises(UnknownTrack, match="there is no track 'nope'"):
        await desk.near("nope")
    with pytest.raises(UnknownUser, match="there is no user 'nobody'"):
        await desk.near("folk03", user="nobody")


async def test_reasons_say_same_artist_then_same_listeners_then_same_sound() -> None:
    desk = Desk(fitted=True)
    desk.current.add_tracks([track("new", genres=("folk",), features=Features(energy=0.4))])

    told = {one.track.id: one.reason for one in await desk.near("folk03", limit=40)}

    assert "Also by Folk Artist 3" == told["folk13"].text
    assert "Played by people who play “Folk Song 3”" == told["folk04"].text
    assert ("Sounds alike: energy", ("energy",)) == (told["new"].text, told["new"].features)
    assert {("folk03",)} == {reason.seeds for reason in told.values()}


async def test_tracks_without_an_artist_are_not_said_to_be_by_the_same_one() -> None:
    desk = Desk(*(track(name, artist="Unknown", genres=("x",)) for name in "ab"))

    assert ["The same kind of music"] == [one.reason.text for one in await desk.near("a")]


async def test_a_track_alone_in_its_catalogue_has_nothing_near() -> None:
    assert [] == await Desk(track("a")).near("a")


def test_trending_lists_the_most_played_first() -> None:
    desk = Desk()
    desk.current.trending.add([(0, NOON, 1), (2, NOON, 5)])

    trends = desk.similar.trending(2).trending

    assert [(1, "jazz02"), (2, "jazz00")] == [(one.rank, one.track.id) for one in trends]
    assert trends[0].score > trends[1].score


def test_nothing_trends_in_an_empty_catalogue() -> None:
    assert (
        []
        == SimilarTracks(MemoryStore(), Current(), TwoLevel(1 << 20, Revs())).trending(5).trending
    )


async def answers(desk: Desk, track_id: str) -> bytes:
    return await desk.similar.encoded(track_id, limit=5, user_id=None)


async def test_what_is_kept_is_what_would_be_made() -> None:
    desk = Desk(fitted=True)
    page = await desk.similar.of("folk03", limit=5, user_id=None)

    first, second = await answers(desk, "folk03"), await answers(desk, "folk03")

    assert msgspec.json.encode(page) == first
    assert first is second  # nobody made it again


async def test_a_track_or_model_that_changes_is_in_the_next_answer() -> None:
    desk = Desk(track("a", genres=("x",)), track("b", genres=("x",)))
    first = await answers(desk, "a")

    desk.current.add_tracks([track("b", genres=("x",), title="New")])
    second = await answers(desk, "a")
    desk.current.model = model(desk.current.catalogue, [])
    third = await answers(desk, "a")

    assert b"Title b" in first
    assert b"New" in second
    assert third is not second


async def test_the_answer_for_a_listener_is_made_each_time_and_strangers_get_none() -> None:
    desk = Desk(fitted=True)
    await desk.store.append([listen("folk03")])
    for_all = await answers(desk, "folk00")

    mine = await desk.similar.encoded("folk00", limit=5, user_id="u1")
    await desk.store.append([listen("folk01", minutes=1, action="dislike")])
    then = await desk.similar.encoded("folk00", limit=5, user_id="u1")

    assert for_all != mine
    assert b'"folk01"' not in then
    with pytest.raises(UnknownUser):
        await desk.similar.encoded("folk00", limit=5, user_id="nobody")
    with pytest.raises(UnknownTrack):
        await answers(desk, "gone")
