"""What a store promises about API keys; every adapter runs this."""

import sqlite3
from datetime import UTC, datetime

import msgspec
import pytest

from service.api_key import ApiKey
from service.domain import UserSettings
from service.store import Store
from service.store.sqlite import SqliteStore

AT = datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)
WHOLE = ApiKey(
    id="key1key1",
    digest="ab" * 32,
    label="a phone of u1",
    scopes=("recs:read", "events:write"),
    user_id="u1",
    per_s=2.5,
    burst=10,
    created_at=AT,
    expires_at=AT.replace(year=2027),
    revoked_at=AT.replace(month=6),
)


def of(key_id: str, **more: object) -> ApiKey:
    return msgspec.structs.replace(WHOLE, id=key_id, **{"user_id": None, **more})


async def test_a_key_comes_back_whole(store: Store) -> None:
    await store.put_key(WHOLE)

    assert [WHOLE] == await store.keys()


async def test_they_come_by_id(store: Store) -> None:
    for key_id in ("cccccc", "aaaaaa", "bbbbbb"):
        await store.put_key(of(key_id))

    assert ["aaaaaa", "bbbbbb", "cccccc"] == [one.id for one in await store.keys()]


async def test_to_put_one_again_is_to_replace_it(store: Store) -> None:
    first = of("aaaaaa", revoked_at=None)
    await store.put_key(first)
    await store.put_key(msgspec.structs.replace(first, revoked_at=AT))

    assert [AT] == [one.revoked_at for one in await store.keys()]


async def test_a_key_is_no_change_to_others(store: Store) -> None:
    await store.changed_elsewhere()
    before = await store.last_number()

    await store.put_key(WHOLE)

    assert before == await store.last_number()
    assert not await store.changed_elsewhere()


async def test_the_keys_of_a_user_go_with_them(store: Store) -> None:
    await store.put_user("u1", UserSettings(timezone="UTC"))
    for key in (WHOLE, of("aaaaaa"), of("bbbbbb", user_id="u2")):
        await store.put_key(key)

    await store.delete_user("u1")

    assert ["aaaaaa", "bbbbbb"] == [one.id for one in await store.keys()]


async def test_a_file_of_an_older_release_learns_keys(tmp_path) -> None:
    path = tmp_path / "store.db"
    await SqliteStore(path).close()
    with sqlite3.connect(path) as old:
        old.execute("DROP TABLE api_keys")
    old.close()

    store = SqliteStore(path)
    await store.put_key(WHOLE)

    assert [WHOLE] == await store.keys()
    assert [] == await store.unindexed()
    await store.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "a b"},
        {"scopes": ["everything"]},
        {"user_id": "../u1"},
        {"per_s": -1},
        {"created_at": "2026-05-01T12:00:00"},
        {"$where": "x"},
    ],
)
def test_what_is_no_key_does_not_decode(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(msgspec.to_builtins(WHOLE) | wrong, ApiKey)
