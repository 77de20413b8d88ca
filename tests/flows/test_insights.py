"""What is shown to whom, asked over HTTP of the running service."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import msgspec
from litestar.testing import AsyncTestClient

from service.learn.insights import Insights
from tests import pages, worlds
from tests.flows.test_first_light import ask, ids

URL = "/v1/insights"


async def insights(client: AsyncTestClient) -> Insights:
    """As they are a second and half a minute later."""
    client.app.state.house.exposure.fold()
    client.app.state.house.lookout._kept = None
    answer = await client.get(URL)
    assert 200 == answer.status_code, answer.text
    return msgspec.json.decode(answer.content, type=Insights)


async def test_lists_that_were_sent_are_counted_by_who_was_sent_them(
    world: AsyncTestClient,
) -> None:
    shown = [ids(await ask(world, user, limit=4)) for user in ("jazz-u0", "folk-u0", "stranger")]
    await ask(world, "jazz-u0", limit=4)  # the same list again
    found = await insights(world)

    assert ("shown", 60) == (found.source, found.catalogue)
    assert (3, 3, 12) == (found.all.listeners, found.all.lists, found.all.places)
    distinct = {one for some in shown for one in some}
    assert (len(distinct), round(len(distinct) / 60, 4)) == (found.all.tracks, found.all.coverage)
    assert [("new", 1), ("light", 0), ("middle", 2), ("heavy", 0)] == [
        (group.name, group.lists) for group in found.groups
    ]
    assert found.model == world.app.state.house.current.model.version


async def test_plays_of_the_last_days_have_genres_a_rise_and_an_hour(
    world: AsyncTestClient,
) -> None:
    found = await insights(world)

    played = Counter((one.at.weekday(), one.at.hour) for one in worlds.listens())
    assert [[played[day, hour] for hour in range(24)] for day in range(7)] == found.clock
    assert set(worlds.TASTES) == {one.name for one in found.genres}
    assert [None] * 3 == [one.shown for one in found.genres]
    assert {0} == {one.last_week for one in found.rising}
    assert 20 == len(found.rising)


async def test_what_is_only_made_ahead_was_shown_to_nobody(world: AsyncTestClient) -> None:
    path = "/v1/users/jazz-u2/recommendations"
    await world.get(path, headers={"Sec-Purpose": "prefetch"})
    ahead = await insights(world)
    await world.get(path)

    assert (0, 1) == (ahead.all.lists, (await insights(world)).all.lists)


async def test_of_an_erased_listener_nothing_is_left(world: AsyncTestClient) -> None:
    await ask(world, "jazz-u0", limit=4)
    before = await insights(world)
    await world.app.state.house.accounts.erase_now("jazz-u0")

    assert (1, 0) == (before.all.lists, (await insights(world)).all.lists)


async def test_lists_of_yesterday_are_not_of_the_last_24_hours(world: AsyncTestClient) -> None:
    await ask(world, "jazz-u0", limit=4)
    house = world.app.state.house
    house.exposure.fold()
    assert 1 == len(house.lookout._live.seen())
    later = datetime.now(UTC) + timedelta(hours=24)
    house.lookout._live._clock = lambda: later

    assert [] == house.lookout._live.seen()


async def test_a_service_with_nothing_in_it_says_so(client: AsyncTestClient) -> None:
    found = await insights(client)
    text = (await client.get(f"{URL}?format=text")).text

    assert (0, 0, None) == (found.catalogue, found.all.lists, found.model)
    assert "No list was shown by this process in the last 24 hours." in text
    assert "no model has been fitted yet" in text


async def test_it_comes_as_text_and_as_a_page(world: AsyncTestClient) -> None:
    await ask(world, "jazz-u0", limit=4)
    text, html = [await world.get(f"{URL}?format={form}") for form in ("text", "html")]

    assert text.headers["content-type"].startswith("text/plain")
    assert text.text.startswith("Catalogue insights")
    assert html.headers["content-type"].startswith("text/html")
    assert html.text.startswith("<!doctype html>")
    assert [] == pages.read(html.text).open
    for wrong in ("?format=pdf", "?format=", "?form=text", "?format=json&format=json"):
        answer = await world.get(URL + wrong)
        assert (400, "application/problem+json") == (
            answer.status_code,
            answer.headers["content-type"],
        ), wrong
