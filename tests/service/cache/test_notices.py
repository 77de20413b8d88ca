"""What others have to hear is sent until it has arrived."""

import asyncio
from collections.abc import Sequence

from service.cache.notices import MOST_REVS, Notices
from service.cache.protocol import ERASED, SharedUnavailable
from service.cache.revs import Revs


class Others:
    """Whoever is told; can be away."""

    def __init__(self) -> None:
        self.heard: list[list[tuple[str, int]]] = []
        self.away = False
        self.again = asyncio.Event()

    async def note(self, revs: Sequence[tuple[str, int]]) -> None:
        if self.away:
            raise SharedUnavailable
        self.heard.append(list(revs))

    async def sleep(self, _seconds: float) -> None:
        await self.again.wait()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_is_told_in_one_turn_travels_together() -> None:
    others = Others()
    notices = Notices(others.note)

    await asyncio.gather(*(notices.send(f"u{number}", number) for number in range(1, 4)))

    assert [[("u1", 1), ("u2", 2), ("u3", 3)]] == others.heard


async def test_nobody_waits_for_one_that_is_away_and_nothing_is_lost() -> None:
    others = Others()
    others.away = True
    notices = Notices(others.note, sleep=others.sleep)

    for rev in (1, 3, 2):
        await notices.send("u1", rev)
    assert [] == others.heard
    others.away = False
    others.again.set()
    await notices.send("u2", 1)
    await settle()

    assert [[("u1", 1), ("u1", 2), ("u1", 3), ("u2", 1)]] == others.heard


async def test_an_erasure_is_told_before_what_came_after_it_and_instead_of_what_came_before() -> (
    None
):
    others = Others()
    others.away = True
    notices = Notices(others.note, sleep=others.sleep)
    for rev in (5, ERASED, 7):
        await notices.send("u1", rev)

    others.away = False
    others.again.set()
    await notices.send("u2", 1)
    await settle()

    assert [("u1", ERASED), ("u1", 7), ("u2", 1)] == others.heard[0]


async def test_writes_of_one_user_that_come_faster_than_they_are_told_leave_no_gap() -> None:
    others, revs = Others(), Revs()
    notices = Notices(others.note)
    revs.count_from(0)

    await asyncio.gather(*(notices.send("u1", rev) for rev in range(1, 9)))
    for told in others.heard:
        for user, rev in told:
            revs.learn(user, rev)

    assert revs.heard_all(8)


async def test_of_one_user_only_so_many_revs_are_owed() -> None:
    others = Others()
    others.away = True
    notices = Notices(others.note, sleep=others.sleep)
    for rev in range(1, MOST_REVS + 6):
        await notices.send("u1", rev)

    others.away = False
    others.again.set()
    await notices.send("u2", 1)
    await settle()

    assert [("u1", rev) for rev in range(6, MOST_REVS + 6)] == others.heard[0][:-1]


async def test_closing_ends_what_still_tries() -> None:
    others = Others()
    others.away = True
    notices = Notices(others.note, sleep=others.sleep)
    await notices.send("u1", 1)

    await notices.close()

    assert [] == others.heard
