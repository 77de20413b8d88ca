"""What can be said of a metric, in words; that nothing can be said yet is one of them."""

from typing import Literal

from msgspec import Struct

from service.experiments.allocation_check import AllocationCheck
from service.experiments.effect import Effect

RAREST = 1e-9
"""What is rarer is not counted: the test says 0 of it."""
Kind = Literal["not yet", "better", "worse", "no difference", "not to be trusted"]


class Verdict(Struct, frozen=True):
    """A word for programs and a sentence for people."""

    kind: Kind
    text: str


def verdict(
    seen: Effect,
    always: tuple[float, float],
    check: AllocationCheck,
    *,
    users: int,
    planned: int,
    matters: float,
    more_is_better: bool = True,
) -> Verdict:
    """Say what is known.

    Args:
        seen: The comparison as of now.
        always: The interval of the difference that holds at every look.
        check: Of the split between the variants.
        users: Of the smaller arm.
        planned: Users per arm that the plan asks for.
        matters: The smallest lift worth having, above 0.
        more_is_better: False of a metric such as the skip rate.
    """
    if check.verdict == "alarm":
        return Verdict(
            "not to be trusted",
            f"users came to the variants in a way that chance explains once in {_times(check)}"
            " times: find out what takes them away before you read any figure",
        )
    low, high = always
    lift = _lift(seen, low, high)
    if low > 0 or high < 0:
        good = (low > 0) == more_is_better
        return Verdict("better" if good else "worse", f"{lift}, however often you have looked")
    if max(-low, high) < matters * abs(seen.control):
        return Verdict(
            "no difference", f"{lift}: nothing as large as the {matters:.1%} that would matter"
        )
    left = max(planned - users, 0)
    more = f"{left:,} more users in each variant are planned" if left else "more than was planned"
    return Verdict("not yet", f"{lift} includes no difference at all: {more}")


def _times(check: AllocationCheck) -> str:
    return f"{1 / check.p:,.0f}" if check.p > RAREST else f"more than {1 / RAREST:,.0f}"


def _lift(seen: Effect, low: float, high: float) -> str:
    if not seen.control:  # nothing can be relative to it
        return f"{seen.difference:+.4g} ({low:+.4g} to {high:+.4g}) from 0"
    of = abs(seen.control)
    return f"{seen.lift:+.1%} ({low / of:+.1%} to {high / of:+.1%})"
