"""The audit looks at the right moments, counts what it compares, and finds old answers out."""

import asyncio
import time
from collections.abc import AsyncIterator
from math import inf

import pytest
import structlog

from service import deadline
from service.domain import UserSettings
from service.errors import StoreUnavailable
from service.learn.cache_audit import BOUND_S, LOOKS_S, MOST_KEYS, CacheAudit
from service.recommend.addressed import NOBODY
from tests.service.cache.replicas import Careless, Unversioned
from tests.service.learn.audited import Deaf, World

FIRST_S, SECOND_S = LOOKS_S


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    yield made
    for one in made.processes:
        await one.audit.close()
        await one.cache.close()


async def test_what_is_kept_after_a_write_is_looked_at_after_5_and_60_seconds(world) -> None:
    one = world.open()
    await world.write(one)
    await one.get()

    await world.pass_(FIRST_S - 0.5)
    assert (0, 0) == world.counts("local")
    await world.pass_(0.5)
    assert (2, 0) == world.counts("local") == world.counts("shared")  # of the write, of the answer
    await world.pass_(SECOND_S - FIRST_S)
    assert (4, 0) == world.counts("local") == world.counts("shared")


async def test_every_process_is_looked_at_and_not_only_the_one_that_writes(world) -> None:
    one, two = world.open(), world.open()
    await world.write(one)
    await two.get()
    await world.pass_(SECOND_S)
    before, _ = world.counts("local")
    await world.write(one)
    await two.get()
    await world.pass_(FIRST_S)

    assert (before + 1, 0) == world.counts("local")


async def test_a_process_whose_floor_stays_is_found_out_at_both_levels_it_serves(world) -> None:
    """The control: the same writes, with the local protection off."""
    one, two = world.open(), world.open(Deaf)
    await world.write(one)
    assert await two.get() == await one.get()
    await world.pass_(SECOND_S)
    assert (0, 0) == (world.counts("local")[1], world.counts("shared")[1])

    await world.write(one)
    await world.pass_(FIRST_S)

    assert 1 == world.counts("local")[1]
    assert 0 == world.counts("shared")[1]


async def test_a_shared_level_without_versions_is_found_out(world) -> None:
    """The control of the other level: a late fill overwrites what the change deleted."""
    world.shared = Unversioned(world.clock, hear=world.hear)
    one, two = world.open(), world.open(Careless)
    await world.write(one)
    await one.get()
    (stored,) = world.shared.answers.values()
    await world.write(one)
    world.shared.answers["u|v1.0|20"] = stored
    await world.pass_(FIRST_S)

    assert await two.get() == stored.answer.rev  # it would have been served indeed
    assert 1 <= world.counts("shared")[1]


async def test_a_change_that_nobody_told_of_is_found_out_because_answers_are_followed(
    world,
) -> None:
    one, two = world.open(), world.open()
    await world.write(one)
    await two.get()
    await world.pass_(SECOND_S)
    world.deafened = True
    await world.store.put_user("u", UserSettings(timezone="UTC"))

    await world.pass_(SECOND_S)

    assert 1 == world.counts("local")[1]


async def test_a_write_within_the_bound_is_not_held_against_an_answer(world) -> None:
    one = world.open()
    await world.write(one)
    await one.get()
    await world.pass_(FIRST_S - BOUND_S)
    await world.store.put_user("u", UserSettings(timezone="UTC"))  # its notice is on the way
    await world.pass_(BOUND_S)

    assert (2, 0) == world.counts("local")


async def test_with_the_link_down_only_what_is_over_half_a_minute_old_is_held_against_it(
    world,
) -> None:
    one = world.open()
    await world.write(one)
    await one.get()
    one.cache.lost(world.clock.now)
    await world.store.put_user("u", UserSettings(timezone="UTC"))
    await world.pass_(FIRST_S)
    assert (0, 0) == world.counts("local")

    one.cache._down_since = world.clock.now + 1_000  # the broken variant: trust does not end
    await world.pass_(SECOND_S - FIRST_S)

    assert (2, 2) == world.counts("local")


async def test_an_answer_of_somebody_who_is_gone_is_found_out_unless_they_came_back(world) -> None:
    one = world.open(Deaf)
    await world.write(one)
    await one.get()
    await world.store.delete_user("u")
    await world.pass_(FIRST_S)
    assert (2, 2) == world.counts("local")

    await world.pass_(SECOND_S - FIRST_S - BOUND_S)
    await world.store.put_user("u", UserSettings(timezone="UTC"))
    await world.pass_(BOUND_S)
    assert (4, 2) == world.counts("local")


async def test_a_look_changes_nothing(world) -> None:
    one = world.open()
    await world.write(one)
    await one.get()
    tally = dict(vars(one.cache._tally))
    records, answers = dict(world.shared.records), dict(world.shared.answers)
    await world.pass_(SECOND_S)

    assert tally == vars(one.cache._tally)
    assert (records, answers) == (world.shared.records, world.shared.answers)


async def test_nobody_is_followed_whose_answers_are_gone_or_who_is_no_user(world) -> None:
    one = world.open()
    await world.write(one)
    await one.get()
    await one.get(NOBODY)
    await world.pass_(SECOND_S)
    assert [("u", None)] == list(one.audit._followed)

    one.cache.forget_all()
    world.shared.answers.clear()
    await world.pass_(SECOND_S)

    assert {} == one.audit._followed


async def test_while_the_store_is_down_nothing_is_counted_and_afterwards_it_is(world) -> None:
    one = world.open()
    await world.write(one)
    await one.get()
    world.store.fails = StoreUnavailable()
    await world.pass_(FIRST_S)
    assert (0, 0) == world.counts("local")

    world.store.fails = None
    await world.pass_(SECOND_S - FIRST_S)
    assert (2, 0) == world.counts("local")


async def test_without_the_shared_level_the_local_one_is_looked_at(world) -> None:
    one = world.open()
    await world.write(one)
    await one.get()
    world.shared.down = True
    await world.pass_(FIRST_S)

    assert (2, 0) == world.counts("local")
    assert (0, 0) == world.counts("shared")


async def test_a_hundredth_is_about_a_hundredth_and_no_share_is_nobody(world) -> None:
    one, none = world.open(share=0.01), world.open(share=0.0)
    drawn = [n for n in range(20_000) if one.audit._drawn(f"u{n}")]
    same = CacheAudit(world.store, one.cache, share=0.01, salt=one.audit._salt)

    assert 120 < len(drawn) < 280
    assert drawn == [n for n in range(20_000) if same._drawn(f"u{n}")]
    assert none.cache.witness is None


async def test_what_is_remembered_is_bounded(world, monkeypatch) -> None:
    monkeypatch.setattr("service.learn.cache_audit.MOST_USERS", 3)
    monkeypatch.setattr("service.learn.cache_audit.MOST_FOLLOWED", 4)
    one = world.open()
    for number in range(6):
        one.audit.kept(f"u{number}", "a")
    for number in range(MOST_KEYS + 2):
        one.audit.kept("u5", f"key {number}")
    one.audit.kept("u5", "key 3")
    kept = len(one.audit._followed)
    for number in range(6):
        one.audit.changed("u5", number)

    assert ["u3", "u4", "u5"] == list(one.audit._keys)
    assert [f"key {number}" for number in (2, *range(4, 10), 3)] == list(one.audit._keys["u5"])
    assert (2, 4) == (kept, len(one.audit._followed))


async def test_a_look_that_fails_is_logged(world) -> None:
    one = world.open()
    world.store.fails = ZeroDivisionError()
    with structlog.testing.capture_logs() as said:
        one.audit.changed("u", 7)
        await world.pass_(FIRST_S)

    assert [("a look at the caches failed", world.store.fails)] == [
        (line["event"], line["exc_info"]) for line in said
    ]


async def test_a_look_does_not_end_with_the_request_that_set_it_off(world) -> None:
    one = world.open()
    deadline.UNTIL.set(time.monotonic() + 1)
    one.audit.changed("u", 7)
    await world.pass_(FIRST_S)

    assert inf == world.store.until


async def test_it_closes_though_a_look_is_of_another_loop(world) -> None:
    """Litestar's test client answers in one loop and closes in another."""
    one = world.open(share=1.0)

    async def elsewhere() -> asyncio.Task[None]:
        one.audit.changed("u1", 7)
        (look,) = one.audit._followed.values()
        return look

    loop = asyncio.new_event_loop()
    look = await asyncio.to_thread(loop.run_until_complete, elsewhere())
    await one.audit.close()
    await asyncio.to_thread(loop.run_until_complete, asyncio.sleep(0.01))
    loop.close()

    assert look.cancelled()
