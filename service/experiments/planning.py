"""How many users, and how many days, it takes to see an effect of a given size."""

from math import ceil, sqrt

from msgspec import Struct
from scipy import special

from service.experiments.effect import Estimate


class Plan(Struct, frozen=True):
    """Users of each arm, and days until so many have come."""

    control: int
    variant: int
    days: int


def plan(
    now: Estimate,
    lift: float,
    *,
    users_a_day: float,
    share: float = 0.5,
    power: float = 0.8,
    level: float = 0.95,
) -> Plan:
    """What it takes to find `lift` with probability `power`, looking once.

    Args:
        now: The metric as it is, of users like those to come.
        lift: The smallest relative change that matters, not 0.
        users_a_day: New users a day in both arms together.
        share: Of them that come to the variant.
        power: Between 0 and 1.
        level: Of the interval.

    Raises:
        ValueError: an argument does not fit, or the metric is 0 and nothing can be relative to it.
    """
    if not lift or not now.value or users_a_day <= 0:
        raise ValueError("a plan needs a lift, a metric that is not 0, and users")
    if not all(0 < one < 1 for one in (share, power, level)):
        raise ValueError("share, power and level lie between 0 and 1")
    needed = float(special.ndtri((1 + level) / 2) + special.ndtri(power))
    apart = now.value * lift
    total = ceil(needed**2 * now.variance / apart**2 * (1 / share + 1 / (1 - share)))
    variant = max(ceil(total * share), 2)
    return Plan(max(total - variant, 2), variant, ceil(total / users_a_day))


def power_of(
    now: Estimate, lift: float, control: int, variant: int, *, level: float = 0.95
) -> float:
    """How likely so many users show an effect of this size."""
    error = sqrt(now.variance / control + now.variance / variant)
    apart, bound = abs(now.value * lift) / error, float(special.ndtri((1 + level) / 2))
    return float(special.ndtr(apart - bound) + special.ndtr(-bound - apart))
