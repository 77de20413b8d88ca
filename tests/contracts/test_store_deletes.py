"""One listen is dropped, and nothing else."""

from datetime import UTC, datetime, timedelta

from service.domain import Listen
from service.store import Store

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def listen(number: int, user: str = "u1") -> Listen:
    at = NOON + timedelta(minutes=number)
    return Listen(id=f"l{number}", user_id=user, track_id="t1", at=at)


async def test_one_listen_is_dropped_and_the_rev_grows(store: Store) -> None:
    first = await store.append([listen(1), listen(2), listen(1, "u2")])
    rev = await store.delete_listen("u1", "l1")
    again = await store.delete_listen("u1", "l1")
    user = await store.user("u1")

    assert rev is not None
    assert rev > first.revs["u1"]
    assert (None, rev) == (again, user.rev if user else 0)
    assert ["l2"] == [one.id for one in await store.recent("u1", 10)]
    assert ["l1"] == [one.id for one in await store.recent("u2", 10)]
    assert await store.delete_listen("nobody", "l1") is None
    assert await store.user("nobody") is None


async def test_what_was_dropped_may_come_again(store: Store) -> None:
    await store.append([listen(1)])
    await store.delete_listen("u1", "l1")

    assert [True] == (await store.append([listen(1)])).stored
    told = [one async for batch, _ in store.stored_since("") for one in batch]
    assert {"l1"} == {one.id for one in told}
