"""What facts do to the memory of this process."""

import pytest

from service.bus import TrackChanged, UserUpdated
from service.cache.revs import Revs
from service.cache.two_level import TwoLevel
from service.learn.invalidation import Invalidation
from service.model.current import Current
from tests.service.given import NOON, track


@pytest.fixture
def current() -> Current:
    fresh = Current(lambda: NOON)
    fresh.add_tracks([track("a"), track("b")])
    return fresh


async def test_a_changed_track_is_served_and_changes_every_cache_key(current: Current) -> None:
    stamp = current.view().stamp

    await Invalidation(current, TwoLevel(1 << 20, Revs())).on_track_changed(
        TrackChanged([track("new")])
    )

    assert current.view().catalogue.knows("new")
    assert stamp != current.view().stamp


async def test_a_newer_rev_is_learned_an_older_one_is_not(current: Current) -> None:
    revs = Revs()
    invalidation = Invalidation(current, TwoLevel(1 << 20, revs))

    for rev in (5, 3):
        await invalidation.on_user_updated(UserUpdated("u1", rev))

    assert 5 == revs.get("u1")


async def test_an_erased_user_is_forgotten(current: Current) -> None:
    revs = Revs()
    revs.learn("u1", 5)
    revs.learn("u2", 6)

    await Invalidation(current, TwoLevel(1 << 20, revs)).on_user_updated(UserUpdated("u1", None))

    assert (None, 6) == (revs.get("u1"), revs.get("u2"))
