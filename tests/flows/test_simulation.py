"""Two configurations through the service itself: what is worse for listeners shows as worse."""

import pytest

from service.errors import Invalid
from service.simulation.trial import World, simulate

SMALL = World(listeners=200, tracks=400, days=10)


async def test_personal_lists_please_more_than_what_everybody_plays() -> None:
    shares: list[float] = []
    report = await simulate({}, {"strategies": "trending"}, SMALL, progress=shares.append)
    lifts = {one.metric: one.lift or 0.0 for one in report.comparisons}

    assert ["control", "variant"] == [arm.name for arm in report.arms]
    assert min(arm.users for arm in report.arms) >= 15
    assert 1.0 == shares[-1]
    assert {"plays", "sessions", "skip_rate", "click_through", "rating", "diversity"} <= set(lifts)
    assert lifts["skip_rate"] > 0.1
    assert lifts["plays"] < -0.1
    assert lifts["rating"] < -0.1
    assert "ok" == report.allocation_check.verdict
    assert 9 <= len(report.days) <= 11


async def test_settings_that_are_none_are_refused_before_anything_is_lived() -> None:
    with pytest.raises(Invalid, match="magic"):
        await simulate({}, {"magic": 1.0}, SMALL)
