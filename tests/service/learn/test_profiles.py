"""A profile is encoded once for each revision of a user, and never older than what was answered."""

import msgspec
import pytest

from service.bus import Bus, UserUpdated
from service.cache.revs import Revs
from service.cache.two_level import TwoLevel
from service.domain import UserSettings
from service.errors import UnknownUser
from service.jobs.memory import MemoryJobs
from service.learn.accounts import Accounts
from service.learn.ingest import Ingest
from service.learn.invalidation import Invalidation
from service.learn.profiles import Profiles
from service.model.current import Current
from service.profile.profile import Profile
from service.store.memory import MemoryStore
from tests.service.given import NOON, listen, track


class Desk:
    """Profiles and everything that changes them."""

    def __init__(self, *, told: bool = True) -> None:
        self.store, self.current = MemoryStore(), Current(lambda: NOON)
        self.current.add_tracks([track("a", artist="Ann"), track("b")])
        bus, cache = Bus(), TwoLevel(1 << 20, Revs())
        if told:
            bus.subscribe(UserUpdated, Invalidation(self.current, cache).on_user_updated)
        self.ingest = Ingest(self.store, bus, self.current.knows, lambda: NOON)
        self.accounts = Accounts(self.store, bus, self.current, MemoryJobs())
        self.profiles = Profiles(self.accounts, self.current, cache)

    async def listens(self, user_id: str = "u1") -> int:
        body = await self.profiles.encoded(user_id)
        return msgspec.json.decode(body, type=Profile).listens


async def test_what_is_kept_is_what_would_be_made() -> None:
    desk = Desk()
    await desk.ingest.take([listen("a")])

    first, second = await desk.profiles.encoded("u1"), await desk.profiles.encoded("u1")

    assert msgspec.json.encode(await desk.accounts.profile("u1")) == first
    assert first is second  # nobody made it again


async def test_a_listen_that_was_taken_is_in_the_next_profile() -> None:
    desk = Desk()
    for number in range(1, 20):
        await desk.ingest.take([listen("a", minutes=-number)])

        assert number == await desk.listens()


async def test_without_word_of_the_change_the_old_one_would_be_sent() -> None:
    """The control: it is the rev on the bus that makes the profile above new."""
    desk = Desk(told=False)
    await desk.ingest.take([listen("a")])
    assert 1 == await desk.listens()

    await desk.ingest.take([listen("a", minutes=-1)])

    assert 1 == await desk.listens()


async def test_settings_and_the_catalogue_are_in_the_next_profile() -> None:
    desk = Desk()
    await desk.ingest.take([listen("a")])
    await desk.profiles.encoded("u1")

    await desk.accounts.change("u1", UserSettings(timezone="Asia/Tokyo"))
    changed = await desk.profiles.encoded("u1")
    desk.current.add_tracks([track("a", artist="Bea")])
    renamed = await desk.profiles.encoded("u1")

    assert b"Asia/Tokyo" in changed
    assert (True, False) == (b"Ann" in changed, b"Ann" in renamed)


async def test_nobody_has_none_until_they_are_somebody_and_after_they_are_erased() -> None:
    desk = Desk()
    for _ in range(2):
        with pytest.raises(UnknownUser):
            await desk.listens()

    await desk.ingest.take([listen("a")])
    assert 1 == await desk.listens()

    await desk.accounts.erase_now("u1")
    with pytest.raises(UnknownUser):
        await desk.listens()
