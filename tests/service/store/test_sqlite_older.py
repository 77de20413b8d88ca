"""Files of an older release open, are upgraded, and lose nothing."""

import asyncio
import sqlite3

from service.store.sqlite import SqliteStore
from tests.service import given
from tests.service.given import NOON


def test_a_store_of_an_older_release_opens_and_loses_nothing(tmp_path) -> None:
    path = tmp_path / "echotune.db"
    with sqlite3.connect(path) as old:
        old.executescript(OLD_SCHEMA)
        at = int(NOON.timestamp() * 1000)
        old.execute(
            "INSERT INTO listens VALUES"
            " ('u1', ?, 'x', 'jazz00', 'play', 1, 1, NULL, NULL, '', NULL, NULL, NULL)",
            (at,),
        )
        old.execute("UPDATE revs SET last = 7")

    async def look() -> None:
        store = SqliteStore(path)
        assert ["x"] == [one.id for one in await store.recent("u1", 5)]
        appended = await store.append([given.listen("jazz00", id="y"), given.listen("z", id="x")])
        assert [True, False] == appended.stored
        assert 8 == appended.revs["u1"]
        assert [] == await store.unindexed()
        assert [] == await store.experiments()
        await store.delete_user("u1")
        assert 0 == (await store.counts())["listens"]
        await store.close()

    asyncio.run(look())


# As it was before the log of listens and the lists that were shown: commit 8bc4b1d^.
OLD_SCHEMA = """
CREATE TABLE IF NOT EXISTS listens (
    user_id TEXT NOT NULL, at INTEGER NOT NULL, id TEXT NOT NULL, track_id TEXT NOT NULL,
    action TEXT NOT NULL, plays INTEGER NOT NULL, timed INTEGER NOT NULL, ms_played INTEGER,
    rating REAL, source TEXT NOT NULL, device TEXT, context TEXT, list_id TEXT,
    PRIMARY KEY (user_id, at, id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS listens_by_id ON listens (user_id, id);
CREATE INDEX IF NOT EXISTS ratings ON listens (at, rating) WHERE rating IS NOT NULL;
CREATE TABLE IF NOT EXISTS tracks (
    row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS aliases (
    kind TEXT NOT NULL, value TEXT NOT NULL, track_id TEXT NOT NULL,
    PRIMARY KEY (kind, value)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS users (
    id TEXT PRIMARY KEY, rev INTEGER NOT NULL, updated_at INTEGER NOT NULL, body BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS profiles (
    user_id TEXT PRIMARY KEY, rev INTEGER NOT NULL, body BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS neighbour_revs (
    user_id TEXT PRIMARY KEY, rev INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS user_similarities (
    user1_id TEXT NOT NULL, similarity REAL NOT NULL, user2_id TEXT NOT NULL,
    PRIMARY KEY (user1_id, similarity, user2_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS seen_from ON user_similarities (user2_id);
CREATE TABLE IF NOT EXISTS experiments (
    name TEXT PRIMARY KEY, rev INTEGER NOT NULL, body BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS revs (last INTEGER NOT NULL);
INSERT INTO revs SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM revs);
"""
