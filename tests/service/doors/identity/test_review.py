"""Merges upon merges: no listen is lost, names follow to the end, and splits take it all back."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain import Listen
from service.doors.identity import Claim
from service.errors import Invalid
from tests.service.doors.identity.rooms import Room, called, room
from tests.service.given import NOON

NAMES = [("Nina Simone", title) for title in ("Sinnerman", "Feeling Good", "Wild Is The Wind")]
NAMES += [("Some Other Body", "Sinner Man"), ("N. Simone", "Feelin' Good")]
PAIRS = st.tuples(st.integers(0, len(NAMES) - 1), st.integers(0, len(NAMES) - 1))


@given(merges=st.lists(PAIRS, max_size=8), order=st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_merges_in_any_order_lead_to_one_end_and_splits_come_back(merges, order) -> None:
    async def check() -> None:
        here = await room(*called(("Nina Simone",), ("Sinnerman", "Feeling Good")))
        claims = [
            Claim(artist=artist, title=title, isrc=f"USRC1760783{n}")
            for n, (artist, title) in enumerate(NAMES)
        ]
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
            assert all(_work(here, one) == _work(here, _end(meant, one)) for one in ids)
            assert listens == sorted(await here.store.recent("u", 100), key=lambda one: int(one.id))
        order.shuffle(done)
        for one in done:
            await here.review.split(one)
            del meant[one]
            assert [_end(meant, one) for one in ids] == await here.resolver.resolve(claims)
            assert all(_work(here, one) == _work(here, _end(meant, one)) for one in ids)
            with pytest.raises(Invalid):
                await here.review.split(one)

        after = [await here.store.track(one) for one in ids]
        assert before == after

    asyncio.run(check())


def _work(here: Room, track_id: str) -> int:
    catalogue = here.current.catalogue
    return int(catalogue.works[catalogue.rows[track_id]])


def _end(meant: dict[str, str], one: str) -> str:
    while one in meant:
        one = meant[one]
    return one
