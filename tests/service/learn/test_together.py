"""What waits is done together, and nobody suffers for another."""

import asyncio
from collections.abc import Sequence

import pytest

from service.errors import StoreUnavailable
from service.learn.together import Together


class Work:
    """Doubles numbers; `groups` is what came together, and 13 cannot be doubled."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.down = False

    async def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.groups.append(list(numbers))
        await asyncio.sleep(0.01)
        if self.down:
            raise StoreUnavailable("down")
        if 13 in numbers:
            raise ValueError("13")
        return [2 * number for number in numbers]


async def test_what_comes_while_others_are_at_work_is_the_next_group() -> None:
    work = Work()
    together = Together(work, most=100)
    first = asyncio.ensure_future(together.join(1, 1))
    await asyncio.sleep(0.001)

    assert [4, 6, 8] == await asyncio.gather(*(together.join(n, 1) for n in (2, 3, 4)))
    assert 2 == await first
    assert 10 == await together.join(5, 1)
    assert [[1], [2, 3, 4], [5]] == work.groups


async def test_a_group_is_no_larger_than_it_may_be_and_one_item_as_large_as_it_is() -> None:
    work = Work()
    together = Together(work, most=3)

    sizes = (1, 2, 1, 9, 1)
    await asyncio.gather(*(together.join(n, size) for n, size in enumerate(sizes)))

    assert [[0, 1], [2], [3], [4]] == work.groups


async def test_one_that_spoils_it_is_told_alone() -> None:
    work = Work()
    together = Together(work, most=100)

    results = await asyncio.gather(
        *(together.join(n, 1) for n in (1, 13, 2)), return_exceptions=True
    )

    assert [2, "13", 4] == [str(one) if isinstance(one, ValueError) else one for one in results]


async def test_what_is_down_is_asked_once_for_all_of_them() -> None:
    work = Work()
    together, work.down = Together(work, most=100), True

    results = await asyncio.gather(*(together.join(n, 1) for n in range(3)), return_exceptions=True)

    assert [StoreUnavailable] * 3 == [type(one) for one in results]
    assert 1 == len(work.groups)
    work.down = False
    assert 2 == await together.join(1, 1)


@pytest.mark.parametrize("leaves", [0, 1])
async def test_whoever_leaves_takes_nobody_along(leaves: int) -> None:
    work = Work()
    together = Together(work, most=100)
    waiting = [asyncio.ensure_future(together.join(n, 1)) for n in range(2)]
    await asyncio.sleep(0.001)
    waiting[leaves].cancel()

    results = await asyncio.gather(*waiting, return_exceptions=True)

    assert 2 * (1 - leaves) == results[1 - leaves]
    assert isinstance(results[leaves], asyncio.CancelledError)
    assert [[0, 1]] == work.groups
