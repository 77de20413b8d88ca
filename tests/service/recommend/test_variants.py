"""What a variant sets is what makes the list: each setting, through the recommender."""

from typing import Any

import numpy as np
import pytest
from msgspec import structs

from service.domain import Context, Experiment, Value, Variant
from service.experiments.assignment import claim
from service.experiments.running import Running
from service.model.version import Prices
from service.recommend.page import Page
from service.store.memory import MemoryStore
from tests import worlds
from tests.service.given import model
from tests.service.recommend.desk import Desk


async def listed(settings: dict[str, Value], **asked: Any) -> tuple[Page, str]:
    """The list of somebody who is in a variant with these settings."""
    store = MemoryStore()
    await store.append([structs.replace(one, id=f"{n}") for n, one in enumerate(worlds.listens())])
    running = Running(store)
    variants = (Variant(name="a", settings=settings), Variant(name="b", settings=settings))
    one = Experiment(name="one", variants=variants, status="running", allocation=1.0)
    running.replace([claim(one, [])])
    desk = Desk(store, running=running)
    size = desk.current.catalogue.size
    prices = Prices(values=np.linspace(0, 1, size, dtype=np.float32), shares=np.ones(size))
    desk.current.model = model(desk.current.catalogue, prices=prices)
    return await desk.ask(**({"limit": 8} | asked))


def ids(page: Page) -> list[str]:
    return [one.track.id for one in page.recommendations]


@pytest.mark.parametrize(
    "settings",
    [
        {"balance": 2.0},
        {"strategies": "trending"},
        {"weight_collaborative": 0.0, "weight_artist": 0.0, "weight_genre": 0.0},
        {"explored": 4.0},
    ],
)
async def test_it_is_another_list_than_without(settings: dict[str, Value]) -> None:
    assert ids((await listed(settings))[0]) != ids((await listed({}))[0])


async def test_without_context_nothing_is_made_of_the_moment() -> None:
    moment = {"context": Context(activity="sleep")}
    given, ignored = await listed({}, **moment), await listed({"context": "off"}, **moment)

    assert ("ok", "skipped") == (given[0].strategies["context"], ignored[0].strategies["context"])
    assert ids(ignored[0]) == ids((await listed({}))[0])


async def test_explored_places_are_the_last_ones() -> None:
    plain, drawn = ids((await listed({}))[0]), ids((await listed({"explored": 3.0}))[0])

    assert plain[:5] == drawn[:5]
    assert set(plain[5:]) != set(drawn[5:])
