"""Writes that all processes number together: whoever misses a number was not told of a change."""

from service.domain import UserSettings
from service.store import Store
from tests.contracts.test_store import listen, track


async def test_numbered_writes_leave_no_change_without_a_number(store: Store) -> None:
    first = await store.last_number()
    if first is None:
        return  # revs are counted per user
    revs = (await store.append([listen(1), listen(2, user="u2")])).revs
    again = (await store.append([listen(1)])).revs
    user = await store.put_user("u1", UserSettings(timezone="Europe/Rome"))

    assert {first + 1, first + 2} == set(revs.values())
    assert ({}, first + 3) == (again, user.rev)

    await store.put_tracks([track(1)])
    await store.put_tracks([track(1)])
    assert first + 4 == await store.last_number()
    await store.delete_user("u1")
    assert first + 5 == await store.last_number()
