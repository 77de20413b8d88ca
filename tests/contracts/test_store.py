"""What a store promises; every adapter runs this suite."""

import asyncio
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.domain import (
    Blocked,
    Features,
    Listen,
    Preferences,
    Track,
    UserSettings,
)
from service.errors import StoreUnavailable
from service.store import Store
from service.store.memory import MemoryStore
from service.store.sqlite import SqliteStore

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def listen(number: int, *, user: str = "u1", minutes: int | None = None) -> Listen:
    at = NOON + timedelta(minutes=number if minutes is None else minutes)
    return Listen(id=f"l{number}", user_id=user, track_id=f"t{number}", at=at)


def track(number: int, **more) -> Track:
    return Track(id=f"t{number}", title=f"Title {number}", artist="A", **more)


async def test_a_listen_comes_back_whole(store: Store) -> None:
    whole = Listen(
        id="x",
        user_id="u1",
        track_id="t1",
        action="rating",
        at=NOON + timedelta(milliseconds=123),
        plays=3,
        timed=False,
        ms_played=1000,
        rating=4.5,
        source="web",
        device="phone",
        context="workout",
        list_id="abc",
    )

    await store.append([whole])

    assert [whole] == await store.recent("u1", 10)


async def test_the_same_id_is_stored_once_per_user(store: Store) -> None:
    first = await store.append([listen(1), listen(1), listen(2)])
    again = await store.append([listen(1), listen(3), listen(1, user="u2")])

    assert [True, False, True] == first.stored
    assert [False, True, True] == again.stored
    assert ["l3", "l2", "l1"] == [one.id for one in await store.recent("u1", 10)]


async def test_a_duplicate_leaves_the_rev_alone(store: Store) -> None:
    """A retry changes nothing, so nothing built from the user gets stale."""
    first = await store.append([listen(1)])
    again = await store.append([listen(1)])

    assert {"u1"} == first.revs.keys()
    assert {} == again.revs


async def test_revs_grow_and_never_repeat_even_after_erasure(store: Store) -> None:
    first = (await store.append([listen(1)])).revs["u1"]
    second = (await store.put_user("u1", UserSettings())).rev
    await store.delete_user("u1")
    third = (await store.append([listen(1)])).revs["u1"]

    assert first < second < third


async def test_known_is_the_user_and_what_they_listened_to_last(store: Store) -> None:
    await store.append([listen(number) for number in range(4)])

    found = await store.known("u1", 2)

    assert found is not None
    assert (await store.user("u1"), await store.recent("u1", 2)) == found
    assert await store.known("nobody", 2) is None


async def test_recent_is_newest_first_limited_and_strictly_before(store: Store) -> None:
    await store.append([listen(n) for n in (3, 1, 2)] + [listen(9, user="u2")])

    newest = await store.recent("u1", 2)
    older = await store.recent("u1", 2, before=(newest[-1].at, newest[-1].id))

    assert ["l3", "l2"] == [one.id for one in newest]
    assert ["l1"] == [one.id for one in older]
    assert [] == await store.recent("u1", 0)
    assert [] == await store.recent("nobody", 5)


async def test_listens_of_one_instant_are_ordered_by_id_and_none_is_skipped(store: Store) -> None:
    await store.append([listen(n, minutes=0) for n in (2, 1, 3)])

    first, second, third = await store.recent("u1", 3)

    assert ["l3", "l2", "l1"] == [first.id, second.id, third.id]
    assert [third] == await store.recent("u1", 3, before=(second.at, second.id))


async def test_all_listens_come_user_by_user_in_batches(store: Store) -> None:
    await store.append([listen(n, user=f"u{n % 2}") for n in range(5)])

    batches = [batch async for batch in store.listens(batch=2)]

    assert [2, 2, 1] == [len(batch) for batch in batches]
    assert ["l0", "l2", "l4", "l1", "l3"] == [one.id for batch in batches for one in batch]


async def test_tracks_keep_their_row_when_they_change(store: Store) -> None:
    assert [True, True] == await store.put_tracks([track(1), track(2)])

    changed = track(1, album="New", features=Features(energy=0.5))

    assert [True, False] == await store.put_tracks([changed, track(2)])
    assert [changed, track(2)] == await store.tracks()
    assert [track(2)] == await store.tracks(offset=1)
    assert changed == await store.track("t1")
    assert await store.track("t9") is None


async def test_aliases_resolve_to_track_ids(store: Store) -> None:
    await store.put_tracks([track(1, aliases={"isrc": "X1"}), track(2, aliases={"isrc": "X2"})])

    assert {"X2": "t2"} == await store.resolve("isrc", ["X2", "nope"])
    assert {} == await store.resolve("spotify", ["X2"])


async def test_a_user_exists_from_the_first_listen_or_setting(store: Store) -> None:
    await store.append([listen(1, user="u1")])
    await store.put_user("u2", UserSettings(preferences=Preferences(explicit=False)))

    u1, u2 = await store.user("u1"), await store.user("u2")

    assert u1 is not None
    assert u2 is not None
    assert Preferences() == u1.preferences
    assert Preferences(explicit=False) == u2.preferences
    assert await store.user("u3") is None


async def test_putting_one_part_of_a_user_keeps_the_others(store: Store) -> None:
    await store.put_user(
        "u1", UserSettings(timezone="Europe/Berlin", blocked=Blocked(artists=("X",)))
    )
    await store.put_user("u1", UserSettings(preferences=Preferences(explicit=False)))
    await store.append([listen(1)])

    user = await store.user("u1")

    assert user is not None
    assert ("Europe/Berlin", ("X",), False) == (
        user.timezone,
        user.blocked.artists,
        user.preferences.explicit,
    )


async def test_users_come_by_id_in_batches(store: Store) -> None:
    await store.append([listen(1, user=f"u{n}") for n in (3, 1, 2)])

    batches = [[user.id for user in batch] async for batch in store.users(batch=2)]

    assert [["u1", "u2"], ["u3"]] == batches


async def test_aliases_outlive_a_change_of_their_track_and_can_be_moved(store: Store) -> None:
    await store.put_tracks([track(1, aliases={"isrc": "X1", "a.b": "$y"}), track(2)])
    await store.put_tracks([track(1)])
    await store.put_aliases([("isrc", "X1", "t2")])

    batches = [batch async for batch in store.aliases(batch=1)]

    assert [[("a.b", "$y", "t1")], [("isrc", "X1", "t2")]] == batches
    assert {"X1": "t2"} == await store.resolve("isrc", ["X1"])


@pytest.mark.parametrize("flag", ["clamped", "late"])
async def test_a_flag_comes_back_as_it_was_stored(store: Store, flag) -> None:
    flagged = Listen(id="1", user_id="u", track_id="t", at=NOON, flag=flag)
    await store.append([flagged])

    assert [flagged] == await store.recent("u", 9)
    assert [[flagged]] == [batch async for batch in store.listens()]


async def test_ratings_have_a_mean_when_there_are_some(store: Store) -> None:
    rated = [
        Listen(id=str(n), user_id="u", track_id="t", action="rating", at=NOON, rating=n)
        for n in (1.0, 4.0)
    ]

    assert await store.mean_rating(NOON) is None
    await store.append([*rated, listen(5)])
    assert 2.5 == await store.mean_rating(NOON)
    assert await store.mean_rating(NOON + timedelta(seconds=1)) is None


async def test_no_request_reads_a_whole_collection(store: Store) -> None:
    assert [] == await store.unindexed()


async def test_nothing_goes_in_after_close(store: Store, request: pytest.FixtureRequest) -> None:
    if isinstance(store, MemoryStore):
        pytest.skip("memory has nothing to close")
    await store.close()

    with pytest.raises(StoreUnavailable, match="closed"):
        await store.append([listen(1)])
    with pytest.raises(StoreUnavailable, match="closed"):
        await store.recent("u1", 1)


async def test_erasing_a_user_leaves_the_others(store: Store) -> None:
    await store.append([listen(1), listen(2), listen(1, user="u2")])

    assert await store.delete_user("u1") == 2
    assert await store.user("u1") is None
    assert [] == await store.recent("u1", 5)
    assert 1 == len(await store.recent("u2", 5))
    assert {"listens": 1, "tracks": 0, "users": 1} == await store.counts()


async def test_many_writers_at_once_lose_nothing(store: Store) -> None:
    await asyncio.gather(*(store.append([listen(n, user=f"u{n % 7}")]) for n in range(300)))

    assert 300 == (await store.counts())["listens"]


@settings(
    max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(numbers=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), max_size=25))
def test_adapters_agree_on_any_sequence(tmp_path: Path, numbers: list[tuple[int, int]]) -> None:
    """The memory store is the specification; SQLite gives the same verdicts and the same order."""

    async def both() -> None:
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        stores = MemoryStore(), SqliteStore(folder / "store.db")
        batch = [listen(number, user=f"u{user}", minutes=number % 3) for number, user in numbers]
        verdicts = [(await one.append(batch)).stored for one in stores]
        everything = [[x async for chunk in one.listens(batch=3) for x in chunk] for one in stores]
        for one in stores:
            await one.close()
        assert verdicts[0] == verdicts[1]
        assert everything[0] == everything[1]

    asyncio.run(both())


async def test_sqlite_says_store_unavailable_when_it_cannot_open(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")

    with pytest.raises(StoreUnavailable, match="cannot be opened"):
        SqliteStore(tmp_path / "file" / "store.db")


async def test_sqlite_refuses_writes_after_close(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.db")
    await store.close()

    with pytest.raises(StoreUnavailable, match="closed"):
        await store.append([listen(1)])
