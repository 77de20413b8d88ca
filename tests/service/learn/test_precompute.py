"""Work ahead of the request: the next request finds its answer in the cache."""

import pytest
from litestar.testing import AsyncTestClient

from service.errors import ModelNotReady, UnknownUser
from service.recommend.ask import Ask
from tests.flows.conftest import client, world

__all__ = ["client", "world"]


async def test_a_precomputed_list_is_a_hit(world: AsyncTestClient) -> None:
    house = world.app.state.house
    await house.precompute.user("jazz-u0")

    assert "local" == (await house.recommender.for_user("jazz-u0", Ask()))[1]
    assert "miss" == (await house.recommender.for_user("jazz-u1", Ask()))[1]


async def test_the_most_active_are_those_who_liked_most(world: AsyncTestClient) -> None:
    house = world.app.state.house
    listeners = house.current.model.listeners
    likes = dict.fromkeys(listeners.ids, 0)
    for row in listeners.by_track.users:
        likes[listeners.ids[row]] += 1

    active = house.precompute.active()

    assert sorted(likes.values(), reverse=True) == [likes[user_id] for user_id in active]


async def test_lists_profiles_and_neighbours_of_the_active_are_made_to_the_end(
    world: AsyncTestClient,
) -> None:
    house = world.app.state.house
    for make in (house.precompute.lists, house.precompute.profiles, house.precompute.neighbours):
        shares: list[float] = []
        await make(shares.append)

        assert (sorted(shares), 1.0) == (shares, shares[-1])
    for user_id in house.precompute.active():
        assert "local" == (await house.recommender.for_user(user_id, Ask()))[1]


async def test_what_is_stored_is_what_is_answered(world: AsyncTestClient) -> None:
    house = world.app.state.house
    await house.precompute.profiles(print)
    await house.precompute.neighbours(print)

    profile = await house.store.profile("jazz-u0")
    near = await house.store.neighbours("jazz-u0", 50, least=0.6)
    similar = (await world.get("/v1/users/jazz-u0/similar?limit=50&min=0.6")).json()["similar"]

    assert (await world.get("/v1/users/jazz-u0/profile")).content == profile.body
    assert {one["user_id"]: one["score"] for one in similar} == {
        one.user_id: pytest.approx(one.similarity) for one in near
    }
    assert near


async def test_somebody_erased_since_the_fit_stops_nothing(world: AsyncTestClient) -> None:
    house = world.app.state.house
    gone = house.precompute.active()[0]
    await house.accounts.erase_now(gone)
    shares: list[float] = []

    await house.precompute.profiles(shares.append)
    await house.precompute.neighbours(shares.append)

    assert 2 == shares.count(1.0)


async def test_nobody_has_no_list_and_nobody_is_active_before_a_fit(
    client: AsyncTestClient,
) -> None:
    precompute = client.app.state.house.precompute

    with pytest.raises(UnknownUser):
        await precompute.user("nobody")
    with pytest.raises(ModelNotReady):
        precompute.active()
