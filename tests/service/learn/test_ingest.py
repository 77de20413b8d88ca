"""The one way in for listens: checked, given an id, stored once, told in order."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from service.bus import START, FeedbackReceived, ListenStored, UserUpdated
from service.domain import NOT_SENT
from service.errors import Overloaded, StoreUnavailable
from service.learn import ingest
from service.learn.ingest import EARLIEST, Receipt, Rejected
from service.store.sqlite import SqliteStore
from tests.service.given import listen
from tests.service.learn.door import Door


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


async def test_the_bus_hears_new_listens_first_and_then_the_users() -> None:
    door = Door()
    mine, theirs = listen("a"), listen("b", user_id="u2")
    await door.take(mine)

    await door.take(mine, theirs)

    stored, *updated = door.heard[2:]
    assert ListenStored([theirs]) == stored
    assert ["u2", "u1"] == [fact.user_id for fact in updated if isinstance(fact, UserUpdated)]


async def met() -> int:
    """Of two users in one request, how many are told while the other is."""
    door, meeting, together = Door(), asyncio.Barrier(2), 0

    async def wait_for_the_other(_: UserUpdated) -> None:
        nonlocal together
        async with asyncio.timeout(0.5):
            await meeting.wait()
        together += 1

    door.bus.subscribe(UserUpdated, wait_for_the_other)
    await door.take(listen("a"), listen("b", user_id="u2"))
    return together


async def test_users_are_told_of_side_by_side() -> None:
    assert 2 == await met()


async def test_one_after_the_other_they_would_wait_for_each_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control."""
    monkeypatch.setattr(ingest, "LANES", 1)
    assert 0 == await met()


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
