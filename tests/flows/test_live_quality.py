"""What the running service says about its own lists, read from /metrics like everybody does."""

from litestar.testing import AsyncTestClient

from tests.flows.test_first_light import ask, ids

HIT = 'recommendation_algorithm_accuracy{algorithm="hybrid",metric_type="hit_at_k"}'


async def figures(client: AsyncTestClient) -> dict[str, float]:
    house = client.app.state.house
    house.exposure.fold()
    house.exposure._live.tell()
    lines = (await client.get("/metrics")).text.splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


async def test_lists_that_are_sent_are_counted_and_their_plays_are_hits(
    world: AsyncTestClient,
) -> None:
    jazz, folk = await ask(world, "jazz-u0", limit=4), await ask(world, "folk-u0", limit=2)
    before = await figures(world)
    sent = {"id": "hit", "user_id": "jazz-u0", "track_id": ids(jazz)[2]}
    assert 202 == (await world.post("/v1/listens", json=sent)).status_code
    after = await figures(world)

    assert len({*ids(jazz), *ids(folk)}) / 60 == before["echotune_live_coverage"]
    assert 0 < before["echotune_live_gini"] < 1
    assert 0 < before["echotune_live_novelty"] < 1
    assert (0.0, 0.5) == (before[HIT], after[HIT])


async def test_a_play_of_something_else_is_no_hit(world: AsyncTestClient) -> None:
    await ask(world, "jazz-u1", limit=4)
    sent = {"id": "miss", "user_id": "jazz-u1", "track_id": "metal00"}
    await world.post("/v1/listens", json=sent)

    assert 0.0 == (await figures(world))[HIT]


async def test_what_is_only_revalidated_or_made_ahead_was_shown_to_nobody(
    world: AsyncTestClient,
) -> None:
    """The control: one list that is sent counts, the same list unchanged or made ahead does not."""
    path = "/v1/users/jazz-u2/recommendations?limit=3"
    first = await world.get(path)
    house = world.app.state.house
    assert 3 == sum(len(one.rows) for one in house.exposure._shown.take())

    again = await world.get(path, headers={"If-None-Match": first.headers["etag"]})
    await house.precompute.user("jazz-u3")

    assert 304 == again.status_code
    assert ["unchanged"] == [one.way for one in house.exposure._shown.take()]
