"""What several workers measured, as that of one service.

Counters and histograms add up, those of workers that have ended too: else every kill would look
like a service that begins anew. Gauges are of workers that live, each in its own way.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import isnan, nan

from msgspec import Struct
from prometheus_client.metrics_core import Metric

from service.instruments import TOGETHER
from service.lookups import HIT_RATE, LOOKUPS, hit_rates

Labels = tuple[tuple[str, str], ...]
ADDED = ("counter", "histogram")
CREATED = "_created"
OF_PROCESSES = {
    "process_virtual_memory_bytes": "sum",
    "process_resident_memory_bytes": "sum",
    "process_start_time_seconds": "least",
    "process_open_fds": "most",
    "process_max_fds": "least",
}
"""What prometheus-client says of each process by itself."""


class Family(Struct, frozen=True, array_like=True):
    """One metric of one worker, as it is written down; samples are name, labels, value."""

    name: str
    says: str
    kind: str
    samples: list[tuple[str, dict[str, str], float]]


def families(collected: Iterable[Metric]) -> list[Family]:
    """What a registry says now."""
    return [
        Family(
            one.name,
            one.documentation,
            one.type,
            [(sample.name, sample.labels, sample.value) for sample in one.samples],
        )
        for one in collected
    ]


def lasting(told: Iterable[Family]) -> list[Family]:
    """What remains of a worker that has ended."""
    return [family for family in told if family.kind in ADDED]


def merged(living: Sequence[Sequence[Family]], ended: Sequence[Sequence[Family]]) -> list[Family]:
    """The whole service, metrics and samples in the order in which they come up first."""
    every = [*living, *map(lasting, ended)]
    gathered: dict[str, list[Family]] = {}
    for told in every:
        for family in told:
            gathered.setdefault(family.name, []).append(family)
    found = {name: _together(name, told) for name, told in gathered.items()}
    if LOOKUPS in found and HIT_RATE in found:  # a rate of all is no mean of rates
        found[HIT_RATE] = _rated(found[HIT_RATE], found[LOOKUPS])
    return list(found.values())


def metrics_of(told: Iterable[Family]) -> Iterator[Metric]:
    """The same for whoever writes it out for Prometheus."""
    for family in told:
        metric = Metric(family.name, family.says, family.kind)
        for name, labels, value in family.samples:
            metric.add_sample(name, labels, value)
        yield metric


def _together(name: str, told: Sequence[Family]) -> Family:
    values: dict[tuple[str, Labels], list[float]] = {}
    for family in told:
        for sample, labels, value in family.samples:
            values.setdefault((sample, tuple(labels.items())), []).append(value)
    first = told[0]
    rule = TOGETHER.get(name) or OF_PROCESSES.get(name, "most")
    samples = [
        (sample, dict(labels), RULES[_rule(first.kind, sample, rule)](numbers))
        for (sample, labels), numbers in values.items()
    ]
    return Family(first.name, first.says, first.kind, samples)


def _rule(kind: str, sample: str, rule: str) -> str:
    if kind not in ADDED:
        return rule
    return "least" if sample.endswith(CREATED) else "sum"


def _rated(rates: Family, lookups: Family) -> Family:
    counts = {
        labels["result"]: value
        for name, labels, value in lookups.samples
        if not name.endswith(CREATED)
    }
    samples = [
        (HIT_RATE, {"cache_layer": layer}, share) for layer, share in hit_rates(counts).items()
    ]
    return Family(rates.name, rates.says, rates.kind, samples)


def _mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers)


def _above_0(numbers: list[float]) -> list[float]:
    return [number for number in numbers if number > 0] or [0.0]


def _known(numbers: list[float]) -> list[float]:
    return [number for number in numbers if not isnan(number)] or [nan]


RULES: Mapping[str, Callable[[list[float]], float]] = {
    "sum": sum,
    "most": lambda numbers: max(_known(numbers)),
    "least": lambda numbers: min(_above_0(numbers)),
    "mean": _mean,
    "mean_above_0": lambda numbers: _mean(_above_0(numbers)),
}
