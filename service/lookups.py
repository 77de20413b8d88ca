"""Lookups of the cache by how they ended, and the hit rates that they come to."""

from collections.abc import Iterable, Mapping

from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

HIT_RATE, LOOKUPS = "recommendation_cache_hit_rate", "echotune_cache_lookups"


class LookupTally:
    """Lookups of one cache by how they ended. Plain numbers: a counter's lock is 8 % of a hit."""

    def __init__(self) -> None:
        self.local = self.shared = self.stale = self.negative = self.miss = 0


def hit_rates(lookups: Mapping[str, float]) -> dict[str, float]:
    """Share answered by each layer, of lookups by how they ended; for one process or for many."""
    here = lookups["local"] + lookups["stale"] + lookups["negative"]
    asked = lookups["shared"] + lookups["miss"]  # of the shared level
    return {"local": here / max(here + asked, 1), "shared": lookups["shared"] / max(asked, 1)}


class _Lookups(Collector):
    def __init__(self) -> None:
        self.tally = LookupTally()

    def collect(self) -> Iterable[CounterMetricFamily | GaugeMetricFamily]:
        counts = dict(vars(self.tally))
        lookups = CounterMetricFamily(
            LOOKUPS, "Lookups of lists by how they ended.", labels=["result"]
        )
        for result, count in counts.items():
            lookups.add_metric([result], count)
        yield lookups
        rates = GaugeMetricFamily(
            HIT_RATE,
            "Share of lists and profiles answered from this cache layer since the start.",
            labels=["cache_layer"],
        )
        for layer, share in hit_rates(counts).items():
            rates.add_metric([layer], share)
        yield rates


_LOOKUPS = _Lookups()
REGISTRY.register(_LOOKUPS)


def watched(tally: LookupTally) -> LookupTally:
    """The same tally, which is exported from now on."""
    _LOOKUPS.tally = tally
    return tally
