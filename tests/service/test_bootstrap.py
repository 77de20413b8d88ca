"""Who does what kind of job, and how often what comes by itself."""

from datetime import timedelta
from pathlib import Path

import pytest

from service.bootstrap import handlers, open_house, schedule
from service.settings import Settings


async def test_everything_scheduled_has_somebody_who_does_it(tmp_path: Path) -> None:
    async with open_house(Settings(data_dir=str(tmp_path))) as house:
        known = handlers(house.trainer, house.accounts, house.precompute)

    assert {"train", "precompute", "profiles", "similarity"} == {
        one.kind for one in schedule(Settings())
    }
    assert known.keys() >= {one.kind for one in schedule(Settings())}


@pytest.mark.parametrize(
    "hours, expected", [(24, [timedelta(days=1)]), (1, [timedelta(hours=1)]), (0, [])]
)
def test_a_fit_comes_as_often_as_the_operator_says_or_never(hours, expected) -> None:
    settings = Settings(train_every_hours=hours)

    assert expected == [one.every for one in schedule(settings) if one.kind == "train"]
