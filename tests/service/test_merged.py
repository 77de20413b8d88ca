"""What several workers measured, as that of one service."""

from math import isnan, nan

import pytest
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram

from service import metrics as _metrics  # noqa: F401 - declares them
from service.instruments import TOGETHER
from service.merged import OF_PROCESSES, RULES, Family, families, merged


def counted(number: float, **labels: str) -> list[Family]:
    return [Family("asked", "", "counter", [("asked_total", labels, number)])]


def gauged(name: str, number: float) -> list[Family]:
    return [Family(name, "", "gauge", [(name, {}, number)])]


def value(told: list[Family], name: str) -> float:
    (found,) = [one for family in told for one in family.samples if one[0] == name]
    return found[2]


def test_counters_add_up_also_those_of_workers_that_have_ended():
    told = merged([counted(3), counted(4)], [counted(5)])

    assert 12 == value(told, "asked_total")


def test_labels_are_kept_apart():
    told = merged([counted(3, of="a"), counted(4, of="b")], [counted(5, of="b")])

    assert [({"of": "a"}, 3), ({"of": "b"}, 9)] == [(one[1], one[2]) for one in told[0].samples]


def test_histograms_add_up_bucket_by_bucket():
    registries = [CollectorRegistry(), CollectorRegistry()]
    for registry, seconds in zip(registries, (0.5, 5.0), strict=True):
        Histogram("took", "", buckets=(1, 10), registry=registry).observe(seconds)
    told = merged([families(one.collect()) for one in registries], [])
    buckets = {
        labels["le"]: number for name, labels, number in told[0].samples if name == "took_bucket"
    }

    assert {"1.0": 1, "10.0": 2, "+Inf": 2} == buckets
    assert 5.5 == value(told, "took_sum")


def test_a_counter_is_as_old_as_the_oldest_worker():
    registry = CollectorRegistry()
    Counter("asked", "", registry=registry)
    (now,) = families(registry.collect())
    old = Family("asked", "", "counter", [("asked_created", {}, 7.0)])

    assert 7.0 == value(merged([[now], [old]], []), "asked_created")


@pytest.mark.parametrize(
    "rule, numbers, expected",
    [
        ("sum", [1, 2], 3),
        ("most", [1, 2], 2),
        ("most", [nan, 2], 2),
        ("least", [0, 5, 3], 3),
        ("least", [0], 0),
        ("mean", [0, 4], 2),
        ("mean_above_0", [0, 4], 4),
        ("mean_above_0", [0], 0),
    ],
)
def test_a_gauge_is_together_what_its_rule_says(rule, numbers, expected):
    name = next(name for name, of in TOGETHER.items() if of == rule)

    assert expected == value(merged([gauged(name, number) for number in numbers], []), name)


def test_what_nobody_knows_stays_unknown():
    assert isnan(RULES["most"]([nan, nan]))


def test_gauges_of_workers_that_have_ended_are_gone():
    assert [] == merged([], [gauged("echotune_learner_leads", 1)])
    assert 1 == value(
        merged([gauged("echotune_learner_leads", 1)], [gauged("echotune_learner_leads", 1)]),
        "echotune_learner_leads",
    )


def test_a_hit_rate_is_of_all_lookups_and_no_mean_of_rates():
    def worker(local: int, miss: int) -> list[Family]:
        counts = {"local": local, "shared": 0, "stale": 0, "negative": 0, "miss": miss}
        name = "echotune_cache_lookups"
        lookups = [(f"{name}_total", {"result": result}, float(n)) for result, n in counts.items()]
        rate = "recommendation_cache_hit_rate"
        share = local / (local + miss)
        return [
            Family(name, "", "counter", lookups),
            Family(rate, "", "gauge", [(rate, {"cache_layer": "local"}, share)]),
        ]

    told = merged([worker(98, 2), worker(0, 100)], [])
    rates = {one[1]["cache_layer"]: one[2] for one in told[1].samples}

    assert {"local": 0.49, "shared": 0.0} == rates  # where the first hits 98 % and the other none


def test_every_gauge_that_is_exported_says_what_it_is_together():
    """`recommendation_cache_hit_rate` is made of lookups, `python_info` says the same in all."""
    gauges = {one.name for one in REGISTRY.collect() if one.type == "gauge"}

    assert gauges - {"recommendation_cache_hit_rate", "python_info"} == (
        TOGETHER.keys() | OF_PROCESSES.keys()
    )
    assert {*TOGETHER.values(), *OF_PROCESSES.values()} <= RULES.keys()
