"""A verdict for every state of knowing, and "not yet" is one."""

import numpy as np
import pytest
from msgspec import structs

from service.experiments.allocation_check import AllocationCheck
from service.experiments.effect import Effect
from service.experiments.verdict import verdict

OK, ALARM = AllocationCheck(0.4, "ok"), AllocationCheck(1e-5, "alarm")


def seen(difference: float) -> Effect:
    return Effect(
        control=0.2,
        variant=0.2 + difference,
        difference=difference,
        low=np.nan,
        high=np.nan,
        lift=difference / 0.2,
        lift_low=np.nan,
        lift_high=np.nan,
        p=np.nan,
        error=np.nan,
    )


@pytest.mark.parametrize(
    "always, kind, words",
    [
        ((0.01, 0.05), "better", "+15.0% (+5.0% to +25.0%), however often"),
        ((-0.05, -0.01), "worse", "however often"),
        ((-0.01, 0.05), "not yet", "600 more users in each variant are planned"),
        ((-0.001, 0.001), "no difference", "nothing as large as the 2.0%"),
    ],
)
def test_what_is_said(always: tuple[float, float], kind: str, words: str) -> None:
    found = verdict(seen(0.03), always, OK, users=400, planned=1_000, matters=0.02)

    assert kind == found.kind
    assert words in found.text


def test_less_of_something_bad_is_better() -> None:
    options = {"users": 400, "planned": 1_000, "matters": 0.02, "more_is_better": False}

    assert "better" == verdict(seen(-0.03), (-0.05, -0.01), OK, **options).kind  # type: ignore[arg-type]
    assert "worse" == verdict(seen(0.03), (0.01, 0.05), OK, **options).kind  # type: ignore[arg-type]


def test_an_odd_split_comes_before_every_figure() -> None:
    found = verdict(seen(0.03), (0.01, 0.05), ALARM, users=400, planned=1_000, matters=0.02)

    assert "not to be trusted" == found.kind
    assert "100,000 times" in found.text


def test_more_users_than_planned_are_still_not_yet() -> None:
    found = verdict(seen(0.03), (-0.01, 0.05), OK, users=2_000, planned=1_000, matters=0.02)

    assert ("not yet", True) == (found.kind, "more than was planned" in found.text)


def test_what_is_too_rare_for_a_number_is_said_without_one() -> None:
    impossible = AllocationCheck(0.0, "alarm")
    found = verdict(seen(0.03), (0.01, 0.05), impossible, users=4, planned=9, matters=0.02)

    assert "once in more than 1,000,000,000 times" in found.text


def test_nothing_is_relative_to_a_control_of_0() -> None:
    from_none = structs.replace(seen(0.03), control=0.0, lift=np.inf)
    found = verdict(from_none, (0.01, 0.05), OK, users=400, planned=1_000, matters=0.02)

    assert "better" == found.kind
    assert "+0.03 (+0.01 to +0.05) from 0" in found.text
