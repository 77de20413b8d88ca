"""Merges upon merges: no listen is lost, names follow to the end, and splits take it all back."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain import Listen
from service.doors.identity import Claim
from service.errors import Invalid
from tests.service.doors.identity.rooms import called, room
from tests.service.given import NOON

NAMES = [("Nina Simone", title) for title in ("Sinnerman", "Feeling Good", "Wild Is The Wind")]
NAMES += [("Some Other Body", "Sinner Man"), ("N. Simone", "Feelin' Good")]
PAIRS = st.tuples(st.integers(0, len(NAMES) - 1), st.integers(0, len(NAMES) - 1))


@given(merges=st.lists(PAIRS, max_size=8))
@settings(max_examples=40)
def test_merges_in_any_order_lead_to_one_end_and_splits_come_back(merges) -> None:
    async def check() -> None:
        here = await room(*called(("Nina Simone",), ("Sinnerman", "Feeling Good")))
        claims = [Claim(artist=artist, title=title) for artist, title in NAMES]
        ids = await here.resolver.resolve(claims)
        before = [await here.store.track(one) for one in ids]
        listens = [Listen(id=str(n), user_id="u", track_id=t, at=NOON) for n, t in enumerate(ids)]
        await here.store.append(listens)
        meant, done = dict[str, str](), list[str]()
        for one, into in merges:
            end = _end(meant, ids[into])
            if ids[one] in meant or ids[one] == end:
                with pytest.raises(Invalid):
                    await here.review.merge(ids[one], ids[into])
            else:
                await here.review.merge(ids[one], ids[into])
                meant[ids[one]] = end
                done.append(ids[one])

            assert [_end(meant, one) for one in ids] == await here.resolver.resolve(claims)
            assert listens == sorted(await here.store.recent("u", 100), key=lambda one: int(one.id))
        for one in reversed(done):
            await here.review.split(one)
            with pytest.raises(Invalid):
                await here.review.split(one)

        assert ids == await here.resolver.resolve(claims)
        after = [await here.store.track(one) for one in ids]
        assert [(one.title, one.artist) for one in before] == [
            (one.title, one.artist) for one in after
        ]

    asyncio.run(check())


def _end(meant: dict[str, str], one: str) -> str:
    while one in meant:
        one = meant[one]
    return one
