"""What a store promises about profiles and neighbours that jobs derive; every adapter runs this."""

from datetime import UTC, datetime

from service.domain import Listen, Neighbour, StoredProfile
from service.store import Store

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def listen(number: int, *, user: str = "u1") -> Listen:
    return Listen(id=f"l{number}", user_id=user, track_id=f"t{number}", at=NOON)


async def test_a_profile_of_a_newer_rev_stays(store: Store) -> None:
    await store.append([listen(1)])

    assert await store.put_profile(StoredProfile("u1", 4, b"four"))
    assert not await store.put_profile(StoredProfile("u1", 3, b"three"))
    assert StoredProfile("u1", 4, b"four") == await store.profile("u1")
    assert await store.put_profile(StoredProfile("u1", 4, b"again"))
    assert StoredProfile("u1", 4, b"again") == await store.profile("u1")


async def test_neighbours_come_nearest_first_with_a_minimum(store: Store) -> None:
    await store.append([listen(1)])
    near = [Neighbour("b", 0.5), Neighbour("a", 0.5), Neighbour("c", 0.9), Neighbour("d", 0.1)]

    assert await store.put_neighbours("u1", 2, near)

    assert ["c", "a", "b"] == [one.user_id for one in await store.neighbours("u1", 9, least=0.5)]
    assert ["c", "a"] == [one.user_id for one in await store.neighbours("u1", 2, least=0)]
    assert [] == await store.neighbours("u1", 0, least=0)
    assert [] == await store.neighbours("u2", 9, least=0)


async def test_neighbours_are_replaced_whole_and_never_by_older_ones(store: Store) -> None:
    await store.append([listen(1)])
    await store.put_neighbours("u1", 2, [Neighbour("a", 0.5), Neighbour("b", 0.4)])

    assert not await store.put_neighbours("u1", 1, [Neighbour("old", 0.9)])
    assert await store.put_neighbours("u1", 3, [Neighbour("c", 0.3)])
    assert [Neighbour("c", 0.3)] == await store.neighbours("u1", 9, least=0)
    assert await store.put_neighbours("u1", 4, [])
    assert not await store.put_neighbours("u1", 3, [Neighbour("old", 0.9)])
    assert [] == await store.neighbours("u1", 9, least=0)


async def test_what_a_late_job_derived_of_an_erased_user_is_not_kept(store: Store) -> None:
    await store.append([listen(1), listen(1, user="u2")])
    await store.put_profile(StoredProfile("u1", 1, b"x"))
    await store.put_neighbours("u1", 1, [Neighbour("u2", 0.5)])
    await store.put_neighbours("u2", 1, [Neighbour("u1", 0.5), Neighbour("u3", 0.4)])

    await store.delete_user("u1")

    assert await store.profile("u1") is None
    assert [] == await store.neighbours("u1", 9, least=0)
    assert [Neighbour("u3", 0.4)] == await store.neighbours("u2", 9, least=0)
    assert not await store.put_profile(StoredProfile("u1", 2, b"late"))
    assert not await store.put_neighbours("u1", 2, [Neighbour("u2", 0.5)])
    assert await store.profile("u1") is None


async def test_a_store_knows_what_it_does_not_keep(store: Store) -> None:
    weak = {"MemoryStore": "forgets", "SqliteStore": "", "MongoStore": "one member"}

    said = "; ".join(await store.weaknesses())

    wanted = weak[type(store).__name__]
    assert wanted in said
    assert bool(wanted) == bool(said)
