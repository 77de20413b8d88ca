"""What one user was shown, read alone; every adapter runs this."""

from datetime import timedelta

from service.domain import EPOCH, ShownList
from service.store import Store


async def test_what_one_user_was_shown_is_read_alone(store: Store) -> None:
    lists = [
        ShownList(user, f"{user}-{n}", ["a"], [1.0], at=EPOCH + timedelta(days=n))
        for user in ("u1", "u10", "u2", "u")
        for n in range(3)
    ]
    await store.put_shown(lists)

    async def of(user_id: str, since: int = 0) -> list[str]:
        found = store.shown(EPOCH + timedelta(days=since), user_id=user_id, batch=2)
        return [one.list_id async for batch in found for one in batch]

    assert ["u1-0", "u1-1", "u1-2"] == await of("u1")
    assert ["u-1", "u-2"] == await of("u", since=1)
    assert [] == await of("nobody")
