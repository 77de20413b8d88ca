"""The one way in for listens: checked, given an id, stored once, told in order."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from prometheus_client import REGISTRY

from service.bus import START, Bus, FeedbackReceived, ListenStored, UserUpdated
from service.bus.memory import MemoryStream
from service.domain import NOT_SENT, Listen
from service.errors import Overloaded, StoreUnavailable
from service.learn import ingest
from service.learn.ingest import EARLIEST, Ingest, Receipt, Rejected, listen_id
from service.store import Store
from service.store.memory import MemoryStore
from service.store.sqlite import SqliteStore
from tests.service.given import NOON, listen

KNOWN = frozenset({"a", "b"})


class Door:
    """An ingest, its store, and what was heard on its bus and by everybody."""

    def __init__(self, store: Store | None = None) -> None:
        self.store, self.heard, self.now = store or MemoryStore(), list[object](), NOON
        self.stream = MemoryStream(most_waiting=5)
        bus = Bus(self.stream)
        self.ingest = Ingest(self.store, bus, KNOWN.__contains__, lambda: self.now)

        async def hear(fact: object) -> None:
            self.heard.append(fact)

        bus.subscribe(ListenStored, hear)
        bus.subscribe(UserUpdated, hear)

    async def take(self, *listens: Listen | Rejected) -> Receipt:
        return await self.ingest.take(listens)

    async def told(self) -> list[object]:
        return [entry.fact for entry in await self.stream.read(START, limit=100)]

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
    door = Door()

    assert 1 == (await door.take(listen("a", at=at))).accepted
    assert [min(at, NOON)] == [one.at for one in await door.stored()]


async def test_a_clamped_listen_that_is_sent_again_later_is_still_the_same() -> None:
    """Its id is made from the time that was sent, not from the one that is kept."""
    door = Door()
    fast = listen("a", id="", at=NOON + timedelta(minutes=4))

    assert Receipt(1, 0, []) == await door.take(fast)
    door.now += timedelta(seconds=30)
    assert Receipt(0, 1, []) == await door.take(fast)
    door.now += timedelta(minutes=5)
    assert Receipt(0, 1, []) == await door.take(fast)
    assert [(NOON, "clamped")] == [(one.at, one.flag) for one in await door.stored()]


@pytest.mark.parametrize(
    "sent, flag",
    [
        (listen("a"), UNSET),
        (listen("a", flag="late"), UNSET),
        (listen("a", minutes=1, flag="late"), "clamped"),
        (listen("a", at=NOON - timedelta(days=7)), UNSET),
        (listen("a", at=NOON - timedelta(days=7, milliseconds=1)), "late"),
        (listen("a", at=EARLIEST), "late"),
        (listen("a", at=EARLIEST, timed=False), UNSET),
        (listen("a", id="x", at=NOT_SENT), UNSET),
    ],
)
async def test_a_flag_says_what_was_wrong_with_a_time_and_is_ours_to_set(sent, flag) -> None:
    door = Door()
    await door.take(sent)

    assert [flag] == [one.flag for one in await door.stored()]


async def test_flags_are_counted() -> None:
    def counted() -> float:
        return REGISTRY.get_sample_value("echotune_listens_flagged_total", {"flag": "late"}) or 0.0

    door, before = Door(), counted()
    late = listen("a", at=EARLIEST)
    await door.take(late, listen("b", at=EARLIEST), listen("a"))
    await door.take(late)

    assert before + 2 == counted()


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


async def test_everybody_is_told_of_every_valid_listen_and_which_were_stored_before() -> None:
    door = Door()
    first, second = listen("a"), listen("b")
    await door.take(first)

    await door.take(listen("x"), first, second, second)

    assert [ListenStored([first]), ListenStored([first, second, second], [0, 2])] == (
        await door.told()
    )


async def test_feedback_is_told_as_a_listen_and_as_what_it_is() -> None:
    door, like = Door(), listen("a", action="like")

    assert Receipt(1, 0, []) == await door.ingest.take_feedback(like)
    assert [ListenStored([like]), FeedbackReceived(like)] == await door.told()
    assert [ListenStored([like]), UserUpdated("u1", 1, "feedback")] == door.heard
    assert 1 == (await door.ingest.take_feedback(listen("x"))).rejected[0].error.count("unknown")
    assert 2 == len(await door.told())


async def test_what_the_stream_does_not_take_is_told_when_it_is_sent_again() -> None:
    """Nothing is acknowledged before everybody can know, and nothing is stored twice for that."""
    door = Door()
    await door.stream.keep_from("learner", START)
    for number in range(5):
        await door.take(listen("a", minutes=-number))
    with pytest.raises(Overloaded):
        await door.take(listen("b"))
    entries = await door.stream.read(START, limit=100)
    await door.stream.keep_from("learner", entries[-1].place)

    assert Receipt(0, 1, []) == await door.take(listen("b"))

    assert [ListenStored([listen("b")], [0])] == await door.told()
    assert 6 == len(await door.stored())


async def test_a_thousand_listens_get_a_verdict_each() -> None:
    door = Door()
    good = [listen("a", minutes=-number, user_id=f"u{number}") for number in range(500)]
    bad = [listen("x", minutes=-number) for number in range(250)]
    mixed = [*good, *bad, *good[:250]]

    receipt = await door.take(*mixed)

    assert (500, 250) == (receipt.accepted, receipt.duplicates)
    assert list(range(500, 750)) == [one.index for one in receipt.rejected]


async def test_requests_that_come_together_are_stored_together_and_answered_apart() -> None:
    door = Door()
    first, second, like = listen("a"), listen("b"), listen("b", id="like", action="like")

    receipts = await asyncio.gather(
        door.take(first, second), door.take(second), door.ingest.take_feedback(like)
    )

    assert [Receipt(2, 0, []), Receipt(0, 1, []), Receipt(1, 0, [])] == list(receipts)
    assert [
        ListenStored([first, second, second, like], [2]),
        FeedbackReceived(like),
    ] == await door.told()


async def test_a_fact_is_no_larger_than_a_request_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "MOST_TOLD", 2)
    door = Door()
    first, second, third = (listen("a", minutes=-number) for number in range(3))
    await door.take(third)

    await asyncio.gather(door.take(first, second), door.take(third))

    assert [ListenStored([first, second]), ListenStored([third], [0])] == (await door.told())[1:]


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
