"""Names of 22 characters lead back to their track, whatever ids the catalogue has."""

import anyio
from hypothesis import example, given
from hypothesis import strategies as st

from service.base62 import DIGITS
from service.domain import Track
from service.doors.spotify.ids import Ids, artist_id, digest, padded, unpadded
from service.model.current import Current
from service.store.memory import MemoryStore

SPOTIFY = st.text(DIGITS, min_size=22, max_size=22)
OWN = st.text(DIGITS, min_size=1, max_size=64) | SPOTIFY | st.text("01", min_size=1, max_size=4)
ALIAS = st.none() | SPOTIFY | SPOTIFY.map("spotify:track:{}".format) | st.just("no id")


def track(own: str, alias: str | None = None, **more) -> Track:
    aliases = {} if alias is None else {"spotify": alias}
    return Track(id=own, title="t", artist="A", aliases=aliases | more)


async def house(tracks: list[Track]) -> Ids:
    store, current = MemoryStore(), Current()
    await store.put_tracks(tracks)
    current.add_tracks(tracks)
    return Ids(store, current)


async def round_trip(tracks: list[Track]) -> tuple[list[str], dict[str, str]]:
    ids = await house(tracks)
    names = await ids.of(tracks)
    return names, await ids.tracks(names)


@given(st.dictionaries(OWN, ALIAS, max_size=12))
@example({"a": None, padded("a"): None})
@example({"a": None, "b": padded("a"), padded("b"): None})
@example({"x" * 22: None, "b": "x" * 22})
@example({"y" * 21: None, "z" * 64: None})
def test_every_track_answers_to_a_name_of_its_own(catalogue: dict[str, str | None]) -> None:
    tracks = [track(own, alias) for own, alias in catalogue.items()]
    names, back = anyio.run(round_trip, tracks)

    assert list(catalogue) == [back[name] for name in names]
    assert all(22 == len(name) and name.isalnum() for name in names)
    assert len(names) == len(set(names))


@given(st.text(DIGITS, min_size=1, max_size=20))
def test_a_short_id_lies_behind_zeros(own: str) -> None:
    assert 22 == len(padded(own))
    assert own == unpadded(padded(own))


async def test_a_track_is_called_as_spotify_calls_it_where_that_is_known() -> None:
    name = "4uLU6hMCjMI75M1A2tKUQC"
    ids = await house([track("own1", name), track("own2"), track("long" * 10), track("q" * 22)])

    assert [name, padded("own2"), digest("long" * 10), "q" * 22] == await ids.of(
        [track("own1", name), track("own2"), track("long" * 10), track("q" * 22)]
    )
    assert {name: "own1", "own2": "own2"} == await ids.tracks([name, "own2", "x" * 22, "nope"])


async def test_the_catalogue_may_grow_and_old_names_stay() -> None:
    store, current = MemoryStore(), Current()
    ids = Ids(store, current)
    for batch in (["v" * 30], ["w" * 30, "a"]):
        tracks = [track(own) for own in batch]
        await store.put_tracks(tracks)
        current.add_tracks(tracks)
        names = await ids.of(tracks)
        back = await ids.tracks(names)
        assert batch == [back[name] for name in names]

    assert {digest("v" * 30): "v" * 30} == await ids.tracks([digest("v" * 30)])


async def test_artists_answer_to_one_name_however_they_are_spelled() -> None:
    theirs = "0OdUWJ0sBjDrqHygGUXeCF"
    first = Track(id="a", title="t", artist="ABBA", aliases={"spotify_artist": theirs})
    ids = await house([first, Track(id="b", title="u", artist="Abba"), track("c")])

    found = await ids.artists([artist_id("abba"), artist_id("A"), theirs, "x" * 22])

    assert {artist_id("abba"): 0, artist_id("A"): 1, theirs: 0} == found
