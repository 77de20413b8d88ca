"""How metrics are declared."""

from collections.abc import Sequence
from itertools import product
from typing import Literal

from prometheus_client import Counter, Gauge

Together = Literal["sum", "most", "least", "mean", "mean_above_0"]
"""`least` is of those above 0, since a moment that was never is 0."""
TOGETHER: dict[str, Together] = {}
"""What the gauges of several workers come to, by name."""


def gauge(together: Together, name: str, says: str, labels: Sequence[str] = ()) -> Gauge:
    """A gauge, and what it is `together` where several workers have one each."""
    TOGETHER[name] = together
    return Gauge(name, says, labels)


def counter(name: str, says: str, **values: Sequence[str]) -> Counter:
    """A counter whose labels have these values, each combination of them from 0 on."""
    made = Counter(name, says, tuple(values))
    for labels in product(*values.values()):
        made.labels(*labels)
    return made
