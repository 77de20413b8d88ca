"""The server says which index it uses: every read has one, and is seen when it has none."""

import asyncio

import pytest

from service.store import mongo_indexes as indexes
from service.store import mongo_queries as queries
from service.store.mongo import open_mongo
from tests.stores import CLIENTS


@pytest.mark.parametrize("what, query", indexes.ASKED, ids=[what for what, _ in indexes.ASKED])
async def test_every_query_uses_the_index_made_for_it(store, what, query) -> None:
    found = await indexes.stages(store._long, query)

    assert f"IXSCAN {query.index}" in found
    assert "COLLSCAN" not in found


async def test_the_index_of_tracks_and_features_answers_both_by_itself(store) -> None:
    """For programs that read features out of the database: no document is looked at."""
    query = queries.Query(
        collection="tracks",
        index="features",
        filter={"track_id": {"$in": ["t", "u"]}},
        fields=("track_id", "features"),
        forced=True,
    )

    found = await indexes.stages(store._long, query)

    assert "IXSCAN features" in found


async def test_every_index_is_what_some_query_uses() -> None:
    used = {(query.collection, query.index) for _, query in indexes.ASKED}
    made = {(index.collection, index.name) for index in indexes.INDEXES}

    others = {
        ("tracks", "features"),  # for other programs: the test above
        ("processes", "seen"),  # lets the server forget processes
        ("models.files", "filename_1_uploadDate_1"),  # the driver makes it anyway
    }
    assert others == made - used


async def test_a_query_without_an_index_is_seen(store) -> None:
    await store._long["listens"].drop_index("ratings")

    said = await store.unindexed()

    assert "index ratings of listens is missing" in said


async def test_a_plan_that_reads_everything_is_seen(store) -> None:
    """The control of the plans above: the server does say COLLSCAN when it is one."""
    query = queries.Query(collection="listens", index="none", filter={"source": "x"})
    command = {"find": query.collection, "filter": query.filter}

    plan = await store._long.command("explain", command, verbosity="queryPlanner")

    assert "COLLSCAN" in indexes._stages(plan["queryPlanner"]["winningPlan"])


async def test_many_processes_may_make_the_indexes_at_once(url, driver) -> None:
    stores = await asyncio.gather(*(open_mongo(url, CLIENTS[driver]) for _ in range(6)))

    assert [] == await stores[0].unindexed()
    await asyncio.gather(*(one.close() for one in stores))
