import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain import Listen, Track
from service.doors.identity import Claim
from service.errors import Invalid, UnknownTrack
from tests.service.doors.identity.rooms import called, room
from tests.service.given import NOON

ARTISTS = ("Rick Astley", "The Rolling Stones", "Lynyrd Skynyrd")
TITLES = ("Sweet Home Alabama", "Satisfaction", "Help!")
MBID = "0cbc3a3e-3a6c-4c6e-9f0e-2a8f64d8a5b1"
claims = st.builds(
    Claim,
    artist=st.sampled_from((*ARTISTS, "Rolling Stones, The", "Lynyrd Skynard", "Lynyrd Skynird")),
    title=st.sampled_from((*TITLES, "Sweet Home Albama", "satisfaction (Live)", "Satisfactio"))
    | st.text("ab", min_size=1, max_size=3),
    album=st.sampled_from(("", "One", "Two")),
)


@given(asked=st.lists(claims, min_size=1, max_size=12), known=st.sets(st.integers(0, 8)))
@settings(max_examples=40)
def test_the_same_names_are_the_same_track_in_every_order(asked, known) -> None:
    """One batch, one by one, turned round: the same ids, all of them in the catalogue."""

    async def ids(order: list[Claim], *, together: bool) -> dict[str, str]:
        tracks = [one for n, one in enumerate(called(ARTISTS, TITLES)) if n in known]
        here = await room(*tracks)
        if together:
            found = await here.resolver.resolve(order)
        else:
            found = [(await here.resolver.resolve([claim]))[0] for claim in order]
        assert found == await here.resolver.resolve(order)
        assert all(map(here.current.knows, found))
        return dict(zip((claim.msid for claim in order), found, strict=True))

    async def check() -> None:
        first = await ids(asked, together=True)
        shuffled = random.Random(1).sample(asked, len(asked))

        assert first == await ids(asked, together=False)
        assert first == await ids(shuffled, together=False)

    asyncio.run(check())


async def test_names_lead_to_what_is_in_the_catalogue() -> None:
    here = await room(
        *called(ARTISTS, TITLES), Track(id="live", artist=ARTISTS[1], title="Satisfaction - Live")
    )
    found = await here.resolver.resolve(
        [
            Claim(artist="rolling stones", title="SATISFACTION"),
            Claim(artist="The Rolling Stones", title="satisfaction - live"),
            Claim(artist="Lynyrd Skynard", title="Sweet Home Alabama (Remastered)"),
            Claim(artist="Lynyrd Skynyrd", title="Sweet Home Albama"),
            Claim(artist="Somebody", title="Satisfaction"),
        ]
    )

    assert ["c1t1", "live", "c2t0", "c2t0"] == found[:4]
    made = await here.store.track(found[4])
    assert made is not None
    assert ("Somebody", "Satisfaction", 22) == (made.artist, made.title, len(made.id))
    unresolved = await here.review.unresolved()
    assert [("c2t0", True), ("c2t0", True), (made.id, False)] == [
        (one.track_id, one.score is not None) for one in unresolved
    ]
    assert all(0.5 < (one.score or 0) < 1 for one in unresolved[:2])


async def test_an_id_says_more_than_a_name() -> None:
    here = await room(*called(ARTISTS, TITLES))
    first = Claim(artist=ARTISTS[0], title=TITLES[0], recording_mbid=MBID)
    renamed = Claim(artist="Japanese Letters", title="Of The Same", recording_mbid=MBID.upper())

    assert ["c0t0"] == await here.resolver.resolve([first])
    assert ["c0t0"] == await here.resolver.resolve([renamed])
    assert "c0t0" == await here.resolver.find("recording_mbid", MBID)
    track = await here.store.track("c0t0")
    assert track is not None
    assert {"recording_mbid": MBID} == track.aliases
    assert "c0t0" == await here.resolver.find("msid", renamed.msid)


async def test_looking_up_writes_nothing() -> None:
    here = await room(*called(ARTISTS, TITLES))

    assert "c0t2" == await here.resolver.look_up(Claim(artist=ARTISTS[0], title="help"))
    assert await here.resolver.look_up(Claim(artist="x", title="y")) is None
    assert [] == [batch async for batch in here.store.aliases()]


@given(
    asked=st.lists(claims, min_size=1, max_size=8),
    merges=st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=3),
)
@settings(max_examples=25)
def test_a_merge_keeps_every_listen_and_a_split_every_name(asked, merges) -> None:
    async def check() -> None:
        here = await room(*called(ARTISTS, TITLES)[:4])
        ids = await here.resolver.resolve(asked)
        listens = [Listen(id=str(n), user_id="u", track_id=t, at=NOON) for n, t in enumerate(ids)]
        await here.store.append(listens)
        done: list[tuple[str, str]] = []
        for one, into in merges:
            pair = (ids[one % len(ids)], ids[into % len(ids)])
            if pair[0] != pair[1] and not {pair[0]} & {x for both in done for x in both}:
                await here.review.merge(*pair)
                done.append(pair)
        meant = dict(done)
        merged = await here.resolver.resolve(asked)

        assert listens == sorted(await here.store.recent("u", 100), key=lambda one: int(one.id))
        assert [_end(meant, one) for one in ids] == merged
        for one, into in done:  # what both were becomes one work: heard is heard
            rows = [here.current.catalogue.rows[x] for x in (one, _end(meant, into))]
            assert 1 == len({here.current.catalogue.works[row] for row in rows})
        for one, _ in reversed(done):
            await here.review.split(one)
        assert ids == await here.resolver.resolve(asked)

    asyncio.run(check())


def _end(meant: dict[str, str], one: str) -> str:
    while one in meant:
        one = meant[one]
    return one


async def test_an_operator_settles_what_was_not_sure() -> None:
    here = await room(*called(ARTISTS, TITLES))
    claim = Claim(artist="R. A.", title="Helpp")
    (made,) = await here.resolver.resolve([claim])
    await here.review.assign("R. A.", "Helpp", "c0t2")

    assert made != "c0t2"
    assert ["c0t2"] == await here.resolver.resolve([claim])
    assert ["c0t2"] == await here.resolver.resolve([Claim(artist="r a", title="helpp", album="x")])
    assert [] == await here.review.unresolved()
    with pytest.raises(UnknownTrack):
        await here.review.assign("x", "y", "nope")
    with pytest.raises(Invalid):
        await here.review.split("c0t2")
    with pytest.raises(Invalid):
        await here.review.merge("c0t2", "c0t2")
