"""What users say about themselves: read, change, erase, page through."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.bus import START, Bus, UserUpdated
from service.bus.memory import MemoryStream
from service.domain import Blocked, Demographics, Preferences, UserSettings
from service.errors import Invalid, UnknownUser
from service.jobs.memory import MemoryJobs
from service.learn.accounts import Accounts
from service.model.current import Current
from service.profile.profile import Profile
from service.store.memory import MemoryStore
from tests.service.given import NOON, listen, track


class Desk:
    """Accounts and what is behind them."""

    def __init__(self) -> None:
        self.store, self.jobs, self.heard = MemoryStore(), MemoryJobs(), list[UserUpdated]()
        self.stream = MemoryStream()
        bus, current = Bus(self.stream), Current(lambda: NOON)
        current.add_tracks([track("a", artist="Ann"), track("b")])
        self.accounts = Accounts(self.store, bus, current, self.jobs)

        async def hear(fact: UserUpdated) -> None:
            self.heard.append(fact)

        bus.subscribe(UserUpdated, hear)

    async def change(self, **said) -> Profile:
        return await self.accounts.change("u1", UserSettings(**said))


async def test_a_profile_is_that_of_this_moment() -> None:
    desk = Desk()
    await desk.store.append([listen("a")])
    assert ["Ann"] == [taste.name for taste in (await desk.accounts.profile("u1")).top_artists]

    await desk.store.append([listen("a", minutes=1, action="dislike")])
    assert [] == (await desk.accounts.profile("u1")).top_artists


async def test_a_change_makes_a_user_and_leaves_the_other_parts_as_they_are() -> None:
    desk = Desk()

    await desk.change(preferences=Preferences(explicit=False), timezone="Asia/Tokyo")
    await desk.change(demographics=Demographics(country="DE"))
    profile = await desk.change(blocked=Blocked(artists=("X",)))

    assert (False, "Asia/Tokyo", "DE", ("X",)) == (
        profile.preferences.explicit,
        profile.timezone,
        profile.demographics.country,
        profile.blocked.artists,
    )
    assert profile == await desk.accounts.profile("u1")


async def test_every_change_is_heard_with_its_rev() -> None:
    desk = Desk()

    revs = [(await desk.change()).rev for _ in range(2)]

    assert revs == [fact.rev for fact in desk.heard]
    assert revs[0] < revs[1]


@pytest.mark.parametrize("timezone", ["", "Mars", "../x", "Europe"])
async def test_a_zone_that_is_none_changes_nothing(timezone) -> None:
    desk = Desk()

    with pytest.raises(Invalid, match="unknown timezone"):
        await desk.change(timezone=timezone, preferences=Preferences(explicit=False))

    assert await desk.store.user("u1") is None
    assert [] == desk.heard


async def test_nobody_has_no_profile_no_listens_and_nothing_to_erase() -> None:
    accounts = Desk().accounts
    for asked in (accounts.profile("x"), accounts.listens("x", 5, None), accounts.erase("x")):
        with pytest.raises(UnknownUser, match="there is no user 'x'"):
            await asked


async def test_erasing_removes_everything_and_says_so_on_the_bus() -> None:
    desk = Desk()
    await desk.store.append([listen("a"), listen("a", user_id="u2")])

    job_id = await desk.accounts.erase("u1")
    (claim,) = await desk.jobs.claim(1)
    assert (job_id, "erase", {"user_id": "u1"}) == (claim.job_id, claim.kind, claim.arguments)
    await desk.accounts.erase_now("u1")

    assert [UserUpdated("u1", None, "erased")] == desk.heard
    with pytest.raises(UnknownUser):
        await desk.accounts.profile("u1")
    assert {"listens": 1, "tracks": 0, "users": 1} == await desk.store.counts()


async def pages(desk: Desk, limit: int) -> list[list[str]]:
    found, cursor = [], None
    while True:
        page, cursor = await desk.accounts.listens("u1", limit, cursor)
        found.append([one.id for one in page])
        if cursor is None:
            return found


async def test_pages_follow_each_other_newest_first_and_end() -> None:
    desk = Desk()
    await desk.store.append([listen("a", id=f"l{n}", minutes=n) for n in range(5)])

    assert [["l4", "l3"], ["l2", "l1"], ["l0"]] == await pages(desk, 2)
    assert [["l4", "l3", "l2", "l1", "l0"]] == await pages(desk, 5)


async def test_a_user_who_only_set_something_has_an_empty_page() -> None:
    desk = Desk()
    await desk.change()

    assert [[]] == await pages(desk, 5)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b~c", "~", "2026-05-04T12:00:00+00:00", "Z"]), st.integers(0, 2)
        ),
        unique_by=lambda one: one[0],
    ),
    st.integers(1, 3),
)
def test_whatever_ids_clients_choose_every_listen_is_on_exactly_one_page(chosen, limit) -> None:
    async def check() -> None:
        desk = Desk()
        await desk.change()
        await desk.store.append([listen("a", id=name, minutes=at) for name, at in chosen])

        async with asyncio.timeout(5):
            listed = [name for page in await pages(desk, limit) for name in page]

        assert [
            name for name, _ in sorted(chosen, key=lambda one: one[::-1], reverse=True)
        ] == listed

    asyncio.run(check())


async def test_a_cursor_fits_into_a_url() -> None:
    desk = Desk()
    await desk.store.append([listen("a", id=f"l{n}", minutes=n) for n in range(2)])

    _, cursor = await desk.accounts.listens("u1", 1, None)

    assert "2026-05-04T12:01:00Z~l1" == cursor


@pytest.mark.parametrize(
    "cursor", ["x", "~", "~l1", "2026-05-04T12:00:00~l1", "9999-99-99T00:00Z~l1"]
)
async def test_a_cursor_that_is_none_is_invalid(cursor) -> None:
    desk = Desk()
    await desk.change()

    with pytest.raises(Invalid, match="before: use the `next` of the page before"):
        await desk.accounts.listens("u1", 5, cursor)


async def test_everybody_is_told_of_a_change_and_of_an_erasure() -> None:
    desk = Desk()
    await desk.change(timezone="Asia/Tokyo")
    await desk.accounts.erase_now("u1")

    told = [entry.fact for entry in await desk.stream.read(START, limit=10)]

    assert [("u1", False), ("u1", True)] == [
        (fact.user_id, fact.rev is None) for fact in told if isinstance(fact, UserUpdated)
    ]
