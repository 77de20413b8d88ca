"""Mean ratings by period, as a metric that is true or absent."""

from datetime import datetime, timedelta

from prometheus_client import REGISTRY

from service.bus import ListenStored
from service.learn.satisfaction import Satisfaction
from service.store.memory import MemoryStore
from tests.service.given import NOON, listen


def gauges() -> list[float | None]:
    name = "recommendation_user_satisfaction_score"
    return [
        REGISTRY.get_sample_value(name, {"time_period": period}) for period in ("24h", "7d", "30d")
    ]


def rated(stars: float, days: float):
    return listen("a", id=f"{days}", action="rating", rating=stars, minutes=-days * 24 * 60)


async def test_each_period_has_the_mean_of_its_ratings() -> None:
    store = MemoryStore()
    await store.append([rated(5, 0.5), rated(3, 3), rated(1, 20), rated(0.5, 40), listen("a")])

    await Satisfaction(store, lambda: NOON).refresh()

    assert [5.0, 4.0, 3.0] == gauges()


async def test_a_period_without_ratings_has_no_sample_rather_than_a_zero() -> None:
    store = MemoryStore()
    await store.append([rated(4, 3)])
    now = [NOON]

    def clock() -> datetime:
        return now[0]

    satisfaction = Satisfaction(store, clock)
    await satisfaction.refresh()
    assert [None, 4.0, 4.0] == gauges()

    now[0] += timedelta(days=10)
    await satisfaction.refresh()
    assert [None, None, 4.0] == gauges()

    now[0] += timedelta(days=100)
    await satisfaction.refresh()
    assert [None, None, None] == gauges()


async def test_a_rating_counts_at_once_and_a_play_costs_no_query() -> None:
    store = MemoryStore()
    satisfaction = Satisfaction(store, lambda: NOON)
    await satisfaction.refresh()

    await store.append([rated(2, 0)])
    await satisfaction.on_listen_stored(ListenStored([listen("a")]))
    assert [None, None, None] == gauges()
    await satisfaction.on_listen_stored(ListenStored([listen("a"), rated(2, 0)]))
    assert [2.0, 2.0, 2.0] == gauges()
