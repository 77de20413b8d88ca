"""A real server after some traffic: every metric there is has a sample, with few labels."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from service import metrics as _metrics  # noqa: F401 - declares them
from tests.faults.serving import Service, fill

NAMED = {
    "recommendation_generation_duration_seconds": {"algorithm", "user_type"},
    "recommendation_cache_hit_rate": {"cache_layer"},
    "recommendation_user_satisfaction_score": {"time_period"},
    "recommendation_algorithm_accuracy": {"algorithm", "metric_type"},
}
LIST = "/v1/users/jazz-u0/recommendations"
MOST_SERIES = 60
"""Of one metric, buckets apart: labels have few values."""
WAIT_S = 40.0
Families = dict[str, Metric]


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory, kernels: Path) -> Iterator[Families]:
    data = tmp_path_factory.mktemp("data")
    (data / "kernels").symlink_to(kernels)
    with Service(data, env={"ECHOTUNE_PROBE_EVERY_S": "1"}) as service:
        fill(service)
        job = service.post("/v1/models", None).json()["job_id"]
        until(lambda: service.get(f"/v1/jobs/{job}")["status"] == "done")
        rating = {"user_id": "jazz-u0", "track_id": "jazz00", "action": "rating", "rating": 4.0}
        assert 202 == service.post("/v1/feedback", rating).status_code
        for user in ("jazz-u0", "rock-u1", "nobody"):
            service.get(f"/v1/users/{user}/recommendations")
        until(lambda: not without_samples(declared(), families(service)))
        yield families(service)


def until(true) -> None:
    end = time.monotonic() + WAIT_S
    while not true() and time.monotonic() < end:
        time.sleep(0.2)


def families(service: Service) -> Families:
    text = httpx.get(f"{service.url}/metrics", timeout=10).text
    return {family.name: family for family in text_string_to_metric_families(text)}


def declared(registry: CollectorRegistry = REGISTRY) -> set[str]:
    return {family.name for family in registry.collect()}


def without_samples(names: set[str], told: Families) -> set[str]:
    return {name for name in names if name not in told or not told[name].samples}


def test_every_metric_that_is_declared_has_samples(scraped: Families) -> None:
    assert set() == without_samples(declared(), scraped)


def test_one_without_samples_would_be_found(scraped: Families) -> None:
    """The control: what is declared and counted nowhere, with labels and without a server."""
    registry = CollectorRegistry()
    Counter("echotune_never", "", ["why"], registry=registry)
    (family,) = registry.collect()

    assert {"echotune_never"} == without_samples(
        {"echotune_never", "echotune_request_seconds"}, {**scraped, "echotune_never": family}
    )
    Gauge("echotune_gone", "", registry=registry)
    assert {"echotune_gone"} == without_samples({"echotune_gone"}, scraped)


@pytest.mark.parametrize("name", NAMED)
def test_the_four_that_others_know_have_exactly_these_labels(scraped: Families, name: str) -> None:
    labels = {
        frozenset(sample.labels) - {"le"}
        for sample in scraped[name].samples
        if not sample.name.endswith("_created")
    }

    assert {frozenset(NAMED[name])} == labels


def test_labels_have_few_values(scraped: Families) -> None:
    many = {
        name: len(series)
        for name, family in scraped.items()
        if len(
            series := {
                tuple((k, v) for k, v in sample.labels.items() if k != "le")
                for sample in family.samples
            }
        )
        > MOST_SERIES
    }

    assert {} == many


def test_the_learner_counts_the_events_it_handles(scraped: Families) -> None:
    tried = {
        (sample.labels["group"], sample.labels["outcome"]): sample.value
        for sample in scraped["echotune_events"].samples
        if sample.name == "echotune_events_total"
    }

    assert tried["learner", "done"] > 0
    assert (0, 0) == (tried["learner", "retried"], tried["learner", "dead"])
