from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from service.domain import Listen, Track
from service.errors import ModelNotReady
from service.learn.holdout import hold_out_newest
from service.learn.protocol import Protocol
from service.model.catalogue import empty_catalogue
from tests.worlds import YESTERDAY

pytestmark = pytest.mark.anyio
CATALOGUE = empty_catalogue().with_tracks(
    [Track(id=f"t{row}", title="x", artist="y") for row in range(20)]
)


def played(user: str, rows: list[int], **more) -> list[Listen]:
    return [
        Listen(user_id=user, track_id=f"t{row}", at=YESTERDAY + timedelta(minutes=place), **more)
        for place, row in enumerate(rows)
    ]


async def split(*listens: list[Listen]) -> Protocol:
    async def batches() -> AsyncIterator[list[Listen]]:
        for batch in listens:
            yield batch

    return await hold_out_newest(batches(), CATALOGUE, name="own", k=5)


def rows(matrix, user: int) -> list[int]:
    return sorted(matrix[[user]].indices.tolist())


async def test_the_newest_tracks_are_hidden() -> None:
    order = [7, 3, 9, 1, 5, 0, 2, 4, 6, 8]
    found = await split(played("a", order), played("b", order[::-1]))

    assert [6, 8] == rows(found.test, 0)
    assert [3, 7] == rows(found.test, 1)
    assert [4] == rows(found.chosen_on, 0)
    assert sorted(order[:7]) == rows(found.fit, 0)
    assert sorted(order[:8]) == rows(found.final, 0)


async def test_a_repeat_does_not_make_a_track_newer_and_a_dislike_leaves_it_out() -> None:
    said = played("a", [0, 1, 2, 3, 4, 0]) + played("a", [1, 1], action="dislike")
    found = await split(said, played("b", [0, 1, 2, 3, 4]), played("c", [0, 1, 2, 3, 4]))

    assert [] == rows(found.test, 0)  # four tracks are left: too few to ask about
    assert [0, 2, 3, 4] == rows(found.fit, 0)
    assert [4] == rows(found.test, 1)


async def test_listens_without_times_are_split_at_random_but_always_alike() -> None:
    world = [played(user, list(range(20)), timed=False) for user in "abc"]

    one, other = await split(*world), await split(*world)

    assert 4 == len(rows(one.test, 0))
    assert [rows(one.test, user) for user in range(3)] == [rows(other.test, u) for u in range(3)]
    assert [16, 17, 18, 19] != rows(one.test, 0)


async def test_too_few_listeners_are_refused_with_the_next_step() -> None:
    with pytest.raises(ModelNotReady, match="import more"):
        await split(played("a", list(range(9))))
