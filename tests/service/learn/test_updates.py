"""Who is told what, and who is sent away first."""

import asyncio

import pytest

from service.bus import UserUpdated
from service.learn import updates as module
from service.learn.updates import AT_A_TIME, BACK_IN_S, Update, Updates, Watch
from service.model.current import Current
from tests import worlds
from tests.service import given

SOON_S = 5.0


async def news(watch: Watch) -> Update | None:
    """What it was not yet told, without waiting for more."""
    return await watch.next(0.001)


async def test_a_change_here_is_told_with_its_reason() -> None:
    updates = Updates()
    with updates.open("u1") as mine, updates.open("u2") as theirs:
        await updates.on_user_updated(UserUpdated("u1", 7, "feedback"))

        assert Update(7, "feedback") == await news(mine)
        assert None is await news(theirs)


async def test_a_change_elsewhere_is_told_to_every_watch_of_the_user() -> None:
    updates = Updates()
    with updates.open("u1") as phone, updates.open("u1") as desktop:
        updates.heard("u1", 7)

        assert [Update(7, "elsewhere")] * 2 == [await news(phone), await news(desktop)]


async def test_a_change_is_told_once_whichever_way_it_is_heard_first() -> None:
    updates = Updates()
    fact = UserUpdated("u1", 7, "settings")
    with updates.open("u1") as watch:
        await updates.before_user_updated(fact)
        updates.heard("u1", 7)

        assert Update(7, "settings") == await news(watch)

        await updates.on_user_updated(fact)
        updates.heard("u1", 6)  # late

        assert None is await news(watch)


async def test_an_erasure_is_told_once_and_what_comes_after_it_too() -> None:
    updates = Updates()
    with updates.open("u1") as watch:
        watch.rev = 7
        await updates.on_user_updated(UserUpdated("u1", None, "erased"))
        updates.heard("u1", 0)

        assert Update(0, "erased") == await news(watch)
        assert None is await news(watch)

        updates.heard("u1", 9)

        assert Update(9, "elsewhere") == await news(watch)


async def test_whoever_reads_slowly_is_told_only_the_newest() -> None:
    updates = Updates()
    with updates.open("u1") as watch:
        for rev in range(1, 10_001):
            updates.heard("u1", rev)

        assert Update(10_000, "elsewhere") == await news(watch)
        assert None is await news(watch)


async def test_a_change_wakes_who_waits() -> None:
    updates = Updates()
    with updates.open("u1") as watch:
        waiting = asyncio.create_task(watch.next(SOON_S))
        await asyncio.sleep(0)
        updates.heard("u1", 1)

        assert Update(1, "elsewhere") == await waiting


async def test_whoever_left_is_kept_nowhere() -> None:
    updates = Updates()
    with updates.open("u1"):
        updates.regained()

    assert not updates._watches
    assert not updates._of
    assert not updates._due


@pytest.mark.parametrize("reason", ["model", "catalogue"])
async def test_what_concerns_everybody_is_told_to_a_few_at_a_time(reason: str, monkeypatch) -> None:
    monkeypatch.setattr(module, "TICK_S", 0.0)
    updates, current = Updates(), Current()
    current.add_tracks(worlds.tracks())
    with updates.open("u0") as first:
        others = [updates.open(f"u{n}") for n in range(1, 2 * AT_A_TIME)]
        watches = [first, *(other.__enter__() for other in others)]
        updates.watch(current)
        await asyncio.sleep(0)
        if reason == "model":
            current.model = given.model(current.catalogue)
        else:
            current.add_tracks([given.track("new")])
        counts = list[int]()
        while not counts or counts[-1] < len(watches):
            await asyncio.sleep(0)
            counts.append(sum(watch._wake.is_set() for watch in watches))

        assert {0, AT_A_TIME, 2 * AT_A_TIME} >= set(counts)
        assert {Update(0, reason)} == {await news(watch) for watch in watches}  # type: ignore[arg-type]
        updates.close()


async def test_after_a_silence_all_are_told() -> None:
    updates, current = Updates(), Current()
    with updates.open("u1") as watch:
        watch.rev = 4
        updates.watch(current)
        updates.lost(since=0.0)
        updates.regained()

        assert Update(4, "missed") == await watch.next(SOON_S)
        updates.close()


async def test_the_one_told_nothing_for_longest_is_sent_away_first() -> None:
    updates = Updates()
    with updates.open("a") as a, updates.open("b") as b, updates.open("c") as c:
        updates.heard("a", 1)

        assert 1 == updates.shed(1)
        assert [None, BACK_IN_S[0], None] == [watch.back_in_s for watch in (a, b, c)]
        assert 1 == updates.shed(1)
        assert c.back_in_s is not None
        assert 1 == updates.shed(5)  # nobody is sent away twice


async def test_a_process_that_stops_ends_all_and_keeps_no_new_one() -> None:
    updates = Updates()
    with updates.open("a") as before:
        updates.close()
        with updates.open("b") as after:
            assert before.back_in_s
            assert after.back_in_s
            assert None is await after.next(SOON_S)  # woken, not timed out
