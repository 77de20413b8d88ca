"""The one way in for listens: checked, given an id, stored once, told in order."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from service.bus import Bus, ListenStored, UserUpdated
from service.domain import NOT_SENT, Listen
from service.errors import StoreUnavailable
from service.learn.ingest import EARLIEST, Ingest, Receipt, Rejected, listen_id
from service.store import Store
from service.store.memory import MemoryStore
from service.store.sqlite import SqliteStore
from tests.service.given import NOON, listen

KNOWN = frozenset({"a", "b"})


class Door:
    """An ingest, its store, and what was heard on its bus."""

    def __init__(self, store: Store | None = None) -> None:
        self.store, self.heard, bus = store or MemoryStore(), list[object](), Bus()
        self.ingest = Ingest(self.store, bus, KNOWN.__contains__, lambda: NOON)

        async def hear(fact: object) -> None:
            self.heard.append(fact)

        bus.subscribe(ListenStored, hear)
        bus.subscribe(UserUpdated, hear)

    async def take(self, *listens: Listen | Rejected) -> Receipt:
        return await self.ingest.take(listens)

    async def stored(self, user_id: str = "u1") -> Sequence[Listen]:
        return await self.store.recent(user_id, 100)


async def test_a_valid_listen_is_stored_and_acknowledged() -> None:
    door = Door()

    assert Receipt(1, 0, []) == await door.take(listen("a"))
    assert [listen("a")] == await door.stored()


async def test_a_listen_sent_again_is_a_duplicate_in_this_batch_and_in_the_next() -> None:
    door = Door()

    assert Receipt(1, 1, []) == await door.take(listen("a"), listen("a"))
    assert Receipt(1, 1, []) == await door.take(listen("a"), listen("b"))
    assert 2 == len(await door.stored())


async def test_one_bad_listen_spoils_no_other_and_is_named_by_its_place() -> None:
    door = Door()

    receipt = await door.take(listen("a"), listen("x"), Rejected(2, "no JSON"), listen("b"))

    assert (2, 0) == (receipt.accepted, receipt.duplicates)
    assert [(1, True), (2, False)] == [
        (one.index, "unknown track 'x'" in one.error) for one in receipt.rejected
    ]
    assert "no JSON" == receipt.rejected[1].error
    assert 2 == len(await door.stored())


@pytest.mark.parametrize(
    "bad, message",
    [
        (listen("x"), "unknown track 'x': PUT it to /v1/tracks first"),
        (listen("a", id="", at=NOT_SENT), "`at` is required unless the listen has an `id`"),
        (listen("a", action="rating"), '`rating` and the action "rating" need each other'),
        (listen("a", rating=3.0), '`rating` and the action "rating" need each other'),
        (
            listen("a", at=EARLIEST - timedelta(milliseconds=1)),
            "must lie between 2000-01-01 and now",
        ),
        (listen("a", minutes=6), "must lie between 2000-01-01 and now"),
        (listen("a", at=datetime.max.replace(tzinfo=UTC)), "must lie between"),
        (listen("a", at=datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))), "must lie"),
        (listen("a", at=datetime.max.replace(tzinfo=timezone(timedelta(hours=-14)))), "must lie"),
    ],
)
async def test_what_cannot_be_true_is_rejected_with_a_reason(bad, message) -> None:
    door = Door()

    receipt = await door.take(bad)

    assert (0, 0, 1) == (receipt.accepted, receipt.duplicates, len(receipt.rejected))
    assert message in receipt.rejected[0].error
    assert [] == door.heard == await door.stored()


@pytest.mark.parametrize(
    "at", [datetime(2000, 1, 1, tzinfo=UTC), NOON, NOON + timedelta(minutes=5)]
)
async def test_a_clock_may_be_five_minutes_fast(at) -> None:
    assert 1 == (await Door().take(listen("a", at=at))).accepted


async def test_a_listen_with_an_id_and_no_time_happened_now() -> None:
    door = Door()

    await door.take(listen("a", id="mine", at=NOT_SENT))

    assert [("mine", NOON)] == [(one.id, one.at) for one in await door.stored()]
    assert NOON == door.ingest.now()


async def test_times_are_kept_to_the_millisecond_in_utc() -> None:
    """What is stored is what any store gives back."""
    door = Door()
    there = datetime(2026, 5, 1, 2, 0, 0, 123_999, tzinfo=timezone(timedelta(hours=5.5)))

    await door.take(listen("a", at=there))

    at = (await door.stored())[0].at
    assert datetime(2026, 4, 30, 20, 30, 0, 123_000, tzinfo=UTC) == at
    assert timedelta(0) == at.utcoffset()


async def test_a_missing_id_is_made_from_user_track_action_and_millisecond() -> None:
    door = Door()
    berlin = timezone(timedelta(hours=2))
    same = [
        listen("a", id=""),
        listen("a", id="", at=NOON.astimezone(berlin)),
        listen("a", id="", at=NOON + timedelta(microseconds=999)),
        listen("a", id="", source="web"),
    ]
    others = [
        listen("b", id=""),
        listen("a", id="", action="like"),
        listen("a", id="", at=NOON + timedelta(milliseconds=1)),
    ]

    assert Receipt(1, 3, []) == await door.take(*same)
    assert Receipt(3, 0, []) == await door.take(*others)
    assert {22} == {len(one.id) for one in await door.stored()}


@given(
    at=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    minutes=st.integers(-14 * 60, 14 * 60),
)
def test_an_id_does_not_depend_on_the_zone_it_was_sent_in(at, minutes) -> None:
    there = at.astimezone(timezone(timedelta(minutes=minutes)))

    assert listen_id(listen("a"), at) == listen_id(listen("a"), there)


async def test_the_bus_hears_new_listens_first_and_then_the_users() -> None:
    door = Door()
    mine, theirs = listen("a"), listen("b", user_id="u2")
    await door.take(mine)

    await door.take(mine, theirs)

    stored, *updated = door.heard[2:]
    assert ListenStored([theirs]) == stored
    assert ["u2", "u1"] == [fact.user_id for fact in updated if isinstance(fact, UserUpdated)]


async def test_duplicates_alone_are_no_news_but_the_rev_is_told_again() -> None:
    """The process that stored them may have died before it told anybody."""
    door = Door()
    await door.take(listen("a"))
    told = door.heard[-1:]
    door.heard.clear()

    await door.take(listen("a"))

    assert told == door.heard


async def test_a_store_that_is_down_acknowledges_nothing_and_tells_nobody(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.db")
    await store.close()
    door = Door(store)

    with pytest.raises(StoreUnavailable):
        await door.take(listen("a"), listen("x"))

    assert [] == door.heard


async def test_new_listens_are_counted_by_action() -> None:
    def counted() -> float:
        return REGISTRY.get_sample_value("echotune_listens_total", {"action": "save"}) or 0.0

    door, before = Door(), counted()

    await door.take(
        listen("a", action="save"), listen("a", action="save"), listen("x", action="save")
    )

    assert before + 1 == counted()


async def test_nothing_sent_is_nothing_done() -> None:
    assert Receipt(0, 0, []) == await Door().take()
