"""The ladder: a kept list, that of people alike, that of everybody; there is always an answer."""

from time import monotonic

import pytest
from msgspec import structs

from service import deadline
from service.cache import local
from service.domain import Demographics, User, UserSettings
from service.errors import StoreUnavailable
from service.recommend.ask import Ask
from service.store.memory import MemoryStore
from tests import worlds
from tests.service.given import listen
from tests.service.recommend.desk import Desk


class Breakable(MemoryStore):
    """A store that can be switched off."""

    down = False

    async def user(self, user_id: str) -> User | None:
        if self.down:
            raise StoreUnavailable("it is down")
        return await super().user(user_id)


@pytest.fixture
async def desk() -> Desk:
    store = Breakable()
    await store.append([structs.replace(one, id=f"{n}") for n, one in enumerate(worlds.listens())])
    return Desk(store)


async def test_a_list_of_an_older_rev_is_given_while_the_store_is_down(desk: Desk) -> None:
    before, _ = await desk.ask()
    await desk.add(listen("jazz01", user_id="jazz-u0", action="dislike"))
    desk.store.down = True

    page, source = await desk.ask()

    assert ("stale", "local", before.list_id) == (page.tier, source, page.list_id)
    desk.store.down = False
    assert "personal" == (await desk.ask())[0].tier


async def test_a_list_that_has_ended_long_ago_is_kept_for_a_day(desk: Desk) -> None:
    await desk.ask()
    desk.cache._clock = lambda: monotonic() + 3 * 3600
    desk.store.down = True

    assert "stale" == (await desk.ask())[0].tier
    assert 24 * 3600 == local.KEPT_S


async def test_an_old_list_has_a_tag_of_its_own(desk: Desk) -> None:
    """Else a client would take the new one for the one it has."""
    fresh, _ = await desk.recommender.for_user("jazz-u0", Ask())
    await desk.add(listen("jazz01", user_id="jazz-u0"))
    desk.store.down = True

    stale, _ = await desk.recommender.for_user("jazz-u0", Ask())

    assert fresh.tag != stale.tag
    assert b'"tier":"stale"' in stale.body


async def test_nothing_kept_of_an_erased_user_is_given(desk: Desk) -> None:
    await desk.ask()
    await desk.store.delete_user("jazz-u0")
    await desk.cache.note("jazz-u0", None)
    desk.store.down = True

    assert "popular" == (await desk.ask())[0].tier


async def test_without_a_kept_list_people_alike_decide(desk: Desk) -> None:
    await desk.fallback.refresh()
    desk.store.down = True

    page, source = await desk.ask("folk-u3", limit=5)

    assert ("segment", "miss", 5) == (page.tier, source, len(page.recommendations))
    assert page.recommendations[0].track.id.startswith("folk")


async def test_of_whom_nothing_is_known_gets_what_everybody_plays(desk: Desk) -> None:
    desk.store.down = True

    for user_id in ("jazz-u0", "stranger"):  # no list has been made ahead yet
        page, _ = await desk.ask(user_id)
        assert ("popular", 20) == (page.tier, len(page.recommendations))


async def test_what_was_asked_counts_as_far_as_it_can(desk: Desk) -> None:
    desk.store.down = True
    first = (await desk.ask(limit=1, explain=False))[0].recommendations[0]

    page, _ = await desk.ask(limit=7, exclude=(first.track.id,))

    assert first.reason is None
    assert 7 == len(page.recommendations)
    assert first.track.id not in {one.track.id for one in page.recommendations}


async def test_a_list_for_bad_times_is_never_kept(desk: Desk) -> None:
    desk.store.down = True
    await desk.ask()
    desk.store.down = False

    assert ("personal", "miss") == ((found := await desk.ask())[0].tier, found[1])


async def test_a_request_without_time_gets_a_list_and_starts_nothing(desk: Desk) -> None:
    with deadline.within(deadline.RESERVE_S + 0.001):
        page, _ = await desk.ask()

    assert "popular" == page.tier


async def test_what_users_told_is_read_and_lists_are_made_without_it_when_it_cannot_be(
    desk: Desk,
) -> None:
    for number in range(worlds.USERS_PER_TASTE):
        about = UserSettings(demographics=Demographics(country="PT" if number < 10 else "BR"))
        await desk.store.put_user(f"jazz-u{number}", about)
    await desk.fallback.refresh()
    assert {"PT", "BR"} == {about.country for about in desk.fallback._told.values()}


async def test_the_check_finds_a_list_that_is_none(desk: Desk) -> None:
    """The control of the check itself."""
    await desk.fallback.refresh()
    desk.fallback.check()
    assert desk.fallback._segments is not None
    desk.fallback._segments.lists[:] = [one[:0] for one in desk.fallback._segments.lists]

    with pytest.raises(AssertionError, match="segment list"):
        desk.fallback.check()


async def test_an_empty_catalogue_is_an_empty_list() -> None:
    desk = Desk(Breakable(), tracks=[])
    desk.store.down = True

    assert [] == (await desk.ask())[0].recommendations


async def test_without_the_ladder_it_would_be_an_error(desk: Desk) -> None:
    """The control: what the ladder catches is what the reads raise."""
    desk.store.down = True
    view = desk.current.view()

    with pytest.raises(StoreUnavailable):
        await desk.recommender._load("jazz-u0", view, Ask())


async def test_one_page_a_second_is_made_for_all_who_get_these_tracks(desk: Desk) -> None:
    desk.store.down = True
    fallback, made = desk.fallback, []
    make = fallback._made
    fallback._made = lambda *given: made.append(given) or make(*given)  # type: ignore[method-assign,func-returns-value]

    one, other = [(await desk.recommender.for_user(name, Ask()))[0] for name in ("x", "y")]
    await desk.recommender.for_user("x", Ask(limit=3))

    assert 2 == len(made)
    assert one.body.startswith(b'{"user_id":"x"')
    assert other.body.startswith(b'{"user_id":"y"')
    assert one.body.partition(b'"tier"')[2] == other.body.partition(b'"tier"')[2]
    assert one.tag != other.tag
