"""Strategies and lists on the event loop, while that is quick."""

import threading

import pytest

from service import deadline
from service.errors import OutOfTime
from service.pace import Pace
from service.recommend import turns
from service.recommend.ask import Ask
from service.recommend.turns import retrieve
from tests.service.given import catalogue, model, player_of, view

KNOWN = catalogue()
VIEW = view(KNOWN, fitted=model(KNOWN))
JAZZ_LOVER = player_of(KNOWN, "jazz01", "jazz02", "jazz03")


async def test_own_strategies_are_asked_on_the_loop_while_that_is_quick(monkeypatch) -> None:
    def then(*_):
        return threading.get_ident()

    async def made_by() -> int:
        return await retrieve(VIEW, JAZZ_LOVER, Ask(), then, timeout_s=5)

    here = threading.get_ident()
    monkeypatch.setattr(turns, "PACE", Pace(quick_s=60))
    assert [here] * 3 == [await made_by() for _ in range(3)]
    monkeypatch.setattr(turns, "PACE", Pace(quick_s=1e-9))
    places = [await made_by() == here for _ in range(8)]
    assert places[0]
    assert not any(places[-4:])


async def test_lists_that_fail_slowly_leave_the_loop_too(monkeypatch) -> None:
    pace = Pace(quick_s=1e-9)
    monkeypatch.setattr(turns, "PACE", pace)

    def then(*_):
        raise ZeroDivisionError

    for _ in range(8):
        with pytest.raises(ZeroDivisionError):
            await retrieve(VIEW, JAZZ_LOVER, Ask(), then, timeout_s=5)

    assert not pace.quick


async def test_after_the_deadline_nothing_is_made_on_the_loop_either(monkeypatch) -> None:
    monkeypatch.setattr(turns, "PACE", Pace(quick_s=60))
    made = []

    with deadline.within(0.0), pytest.raises(OutOfTime):
        await retrieve(VIEW, JAZZ_LOVER, Ask(), lambda *_: made.append(1), timeout_s=5)

    assert not made
