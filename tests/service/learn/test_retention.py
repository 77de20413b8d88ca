"""Listens go when they are older than the operator keeps them; whoever loses some is told of."""

from datetime import timedelta
from pathlib import Path

import pytest

from service.bus import Bus, UserUpdated
from service.bus.memory import MemoryStream
from service.domain import EPOCH
from service.learn.duties import schedule
from service.learn.retention import Retention
from service.settings import Settings
from tests.service.given import NOON, listen
from tests.stores import ADAPTERS, opened

DAY = 24 * 60.0
LISTENS = [
    listen("old", minutes=-31 * DAY, id="1"),
    listen("young", minutes=-29 * DAY, id="2"),
    listen("old", minutes=-31 * DAY, id="3", user_id="u2"),
    listen("young", minutes=-1, id="4", user_id="u3"),
    listen("untimed", id="5", user_id="u3", at=EPOCH + timedelta(days=10_957), timed=False),
    listen("late", minutes=-40 * DAY, id="6", user_id="u3", flag="late"),
]


async def everything(store) -> set[str]:
    return {one.id async for batch in store.listens() for one in batch}


@pytest.mark.parametrize("adapter", ADAPTERS)
async def test_what_is_older_goes_and_its_users_have_new_revs(
    adapter: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    async with opened(adapter, request, tmp_path) as store:
        before = (await store.append(LISTENS)).revs
        stream = MemoryStream()
        heard: list[UserUpdated] = []
        bus = Bus(stream)

        async def hear(fact: UserUpdated) -> None:
            heard.append(fact)

        bus.subscribe(UserUpdated, hear)
        await Retention(store, bus, 0, lambda: NOON).forget()
        assert len(LISTENS) == len(await everything(store))  # the control: 0 keeps all

        await Retention(store, bus, 30, lambda: NOON).forget()

        assert {"2", "4", "5"} == await everything(store)
        assert {"u1", "u2", "u3"} == {fact.user_id for fact in heard}
        for fact in heard:
            user = await store.user(fact.user_id)
            assert user is not None
            assert user.rev == fact.rev
            assert user.rev > before[fact.user_id]
        heard.clear()
        await Retention(store, bus, 30, lambda: NOON).forget()
        assert [] == heard


def test_it_comes_on_schedule_and_is_off_by_default() -> None:
    assert "retention" in {one.kind for one in schedule(0)}
    assert 0 == Settings().keep_listens_days
    assert 90 == Settings.from_env({"ECHOTUNE_KEEP_LISTENS_DAYS": "90"}).keep_listens_days
