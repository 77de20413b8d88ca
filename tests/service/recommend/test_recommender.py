"""One answer: cached by versions, the same bytes until something changes."""

import asyncio
import threading

import msgspec
import numpy as np
import pytest

from service.domain import Blocked, Context, User, UserSettings
from service.model.version import Prices
from service.recommend import recommender as module
from service.recommend.ask import Ask
from service.recommend.retrieval import STRATEGIES
from service.store.memory import MemoryStore
from tests import worlds
from tests.service.given import NOON, listen, model, track
from tests.service.recommend.desk import Desk


@pytest.fixture
async def store() -> MemoryStore:
    filled = MemoryStore()
    await filled.append(
        [msgspec.structs.replace(one, id=f"{n}") for n, one in enumerate(worlds.listens())]
    )
    return filled


@pytest.fixture
def desk(store: MemoryStore) -> Desk:
    return Desk(store)


async def test_the_second_answer_comes_from_the_cache_and_is_the_same_bytes(desk: Desk) -> None:
    first, second = [await desk.recommender.for_user("jazz-u0", Ask()) for _ in range(2)]

    assert ["miss", "local"] == [first[1], second[1]]
    assert first[0].body == second[0].body


async def test_a_rev_read_once_is_remembered_so_that_a_hit_reads_nothing(desk: Desk) -> None:
    await desk.ask()
    user = await desk.store.user("jazz-u0")

    assert user is not None
    assert user.rev == desk.revs.get("jazz-u0")


async def test_the_page_says_what_it_was_made_from(desk: Desk) -> None:
    page, _ = await desk.ask(limit=3)

    assert ("jazz-u0", "personal", NOON, "v1") == (
        page.user_id,
        page.tier,
        page.generated_at,
        page.model_version,
    )
    assert 11 == len(page.list_id)
    assert {
        "collaborative": "ok",
        "content": "ok",
        "context": "skipped",
        "trending": "ok",
    } == page.strategies


async def test_the_balance_is_the_settings_unless_the_request_brings_its_own(
    store: MemoryStore,
) -> None:
    """What an experiment says counts, and every balance is an answer of its own."""
    desk = Desk(store, balance=1.0)
    free, _ = await desk.ask(limit=1, balance=0.0)
    first = free.recommendations[0].track.id
    size = desk.current.catalogue.size
    prices = np.zeros(size, np.float32)
    prices[desk.current.catalogue.rows[first]] = 9
    priced = Prices(values=prices, shares=np.ones(size))
    desk.current.model = model(desk.current.catalogue, version="v2", prices=priced)

    as_set = await desk.ask(limit=1)
    said = await desk.ask(limit=1, balance=1.0)
    other = await desk.ask(limit=1, balance=0.0)

    assert first != as_set[0].recommendations[0].track.id
    assert (as_set[0].list_id, "local") == (said[0].list_id, said[1])
    assert (first, "miss") == (other[0].recommendations[0].track.id, other[1])


@pytest.mark.parametrize("mix", ["discover", "familiar", "blend"])
async def test_an_answer_carries_the_rows_of_its_tracks(desk: Desk, mix) -> None:
    answer, _ = await desk.recommender.for_user("jazz-u0", Ask(mix=mix))

    page = msgspec.json.decode(answer.body)
    rows = [desk.current.catalogue.rows[one["track"]["id"]] for one in page["recommendations"]]
    assert rows
    assert rows == np.frombuffer(answer.rows, np.int32).tolist()


async def test_a_list_id_names_user_time_and_tracks(desk: Desk) -> None:
    ids = {
        (await desk.ask(user, limit=limit))[0].list_id for user in ("a", "b") for limit in (3, 4)
    }

    assert 4 == len(ids)


@pytest.mark.parametrize(
    "asked", [{"limit": 5}, {"mix": "blend"}, {"context": Context(mood="sad")}]
)
async def test_another_question_is_another_answer(desk: Desk, asked) -> None:
    await desk.ask()

    assert "miss" == (await desk.ask(**asked))[1]
    assert "local" == (await desk.ask(**asked))[1]


async def test_a_listen_is_in_the_very_next_list(desk: Desk) -> None:
    first = (await desk.ask())[0].recommendations[0].track.id

    await desk.add(listen(first, user_id="jazz-u0", action="dislike"))

    page, source = await desk.ask()
    assert "miss" == source
    assert first not in {one.track.id for one in page.recommendations}


async def test_a_listen_of_somebody_else_leaves_the_list_cached(desk: Desk) -> None:
    await desk.ask()

    await desk.add(listen("jazz01", user_id="folk-u0"))

    assert "local" == (await desk.ask())[1]


async def test_another_model_or_catalogue_is_another_answer(desk: Desk) -> None:
    await desk.ask()

    desk.current.model = model(desk.current.catalogue, version="v2")
    page, source = await desk.ask()
    assert ("miss", "v2") == (source, page.model_version)
    desk.current.add_tracks([track("new")])
    assert "miss" == (await desk.ask())[1]


async def test_a_user_nobody_knows_gets_what_is_popular_and_is_no_error(desk: Desk) -> None:
    page, source = await desk.ask("stranger")

    assert ("miss", "popular", 20) == (source, page.tier, len(page.recommendations))
    assert "local" == (await desk.ask("stranger"))[1]


async def test_a_stranger_who_becomes_known_is_known_at_once(desk: Desk) -> None:
    await desk.ask("stranger")

    await desk.add(listen("metal03", user_id="stranger"))

    assert "personal" == (await desk.ask("stranger"))[0].tier


async def test_a_user_who_blocks_everything_gets_an_empty_list(desk: Desk) -> None:
    user = await desk.store.put_user("jazz-u0", UserSettings(blocked=Blocked(genres=worlds.TASTES)))
    await desk.cache.note(user.id, user.rev)

    assert [] == (await desk.ask())[0].recommendations


@pytest.mark.parametrize("outcome", ["failed", "late", "popular"])
async def test_a_list_that_lacks_something_is_tried_again_soon(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch, outcome
) -> None:
    monkeypatch.setattr(module, "DEGRADED_S", 0.05)
    gate = threading.Event()

    def broken(*_):
        raise ZeroDivisionError

    def slow(*_):
        gate.wait(10)
        return {}

    strategies = {
        "failed": {**STRATEGIES, "content": broken},
        "late": {**STRATEGIES, "content": slow},
        "popular": dict.fromkeys(STRATEGIES, lambda *_: {}),
    }[outcome]
    desk = Desk(store, strategies=strategies, timeout_s=0.2)
    try:
        page, _ = await desk.ask()
        assert outcome in {page.tier, *page.strategies.values()}

        await asyncio.sleep(0.1)
        assert "miss" == (await desk.ask())[1]
    finally:
        gate.set()


async def test_a_whole_list_stays_and_so_does_the_popular_one_of_a_stranger(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DEGRADED_S", 0.05)
    for user in ("jazz-u0", "stranger"):
        await desk.ask(user)
    await asyncio.sleep(0.1)

    assert ["local", "local"] == [(await desk.ask(user))[1] for user in ("jazz-u0", "stranger")]


def test_a_degraded_list_is_kept_five_seconds_at_most() -> None:
    assert module.DEGRADED_S <= 5 < module.FRESH_S <= 900


class SlowStore(MemoryStore):
    """A memory store whose reads of users take as long as they are told."""

    def __init__(self) -> None:
        super().__init__()
        self.reading, self.gate = asyncio.Event(), asyncio.Event()

    async def user(self, user_id: str) -> User | None:
        found = await super().user(user_id)
        self.reading.set()
        await self.gate.wait()
        return found


async def test_a_read_that_began_before_an_erasure_does_not_bring_the_user_back() -> None:
    store = SlowStore()
    desk = Desk(store)
    await store.append([listen("jazz01")])

    asking = asyncio.create_task(desk.ask("u1"))
    await store.reading.wait()
    await store.delete_user("u1")
    await desk.cache.note("u1", None)
    store.gate.set()
    await asking

    assert desk.revs.get("u1") is None
    assert "popular" == (await desk.ask("u1"))[0].tier


async def test_warming_prepares_what_every_list_needs_and_keeps_none(desk: Desk) -> None:
    prepared = vars(desk.current.view().catalogue)
    assert "set_coding" not in prepared

    await desk.recommender.warm()

    assert {"artist_coding", "set_coding", "features_by_row"} <= prepared.keys()
    assert "miss" == (await desk.ask())[1]
