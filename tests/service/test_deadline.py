"""A moment that travels with the request."""

import asyncio

import pytest

from service import deadline, metrics
from service.errors import OutOfTime


def late() -> float:
    return metrics.LATE_WORK._value.get()


def test_without_a_deadline_there_is_time_for_everything() -> None:
    deadline.need(1e9)


def test_a_step_for_which_no_time_is_left_is_not_begun() -> None:
    with deadline.within(1.0):
        deadline.need(0.5)
        with pytest.raises(OutOfTime):
            deadline.need(1.0)  # the reserve is not for steps


async def test_work_that_is_begun_for_a_request_has_its_deadline() -> None:
    async def left() -> float:
        return deadline.left()

    with deadline.within(1.0):
        task = asyncio.create_task(left())
    assert await task <= 1.0 - deadline.RESERVE_S
    assert deadline.left() > 1e9


def test_work_begun_after_the_deadline_is_counted() -> None:
    before = late()

    with deadline.within(1.0):
        deadline.count_late()
    assert before == late()
    with deadline.within(-1.0):
        deadline.count_late()

    assert before + 1 == late()
