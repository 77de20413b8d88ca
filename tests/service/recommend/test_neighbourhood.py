"""Users near a user."""

import pytest

from service.errors import ModelNotReady, UnknownUser
from service.model.current import Current
from service.recommend.neighbourhood import Neighbourhood
from service.store.memory import MemoryStore
from tests.service.given import NOON, listen, model, track

ABC = [track(name) for name in "abcd"]


class Desk:
    """A neighbourhood of whoever played what."""

    def __init__(self, played: dict[str, str], *, fitted: bool = True) -> None:
        self.listens = [
            listen(name, user_id=user) for user, names in played.items() for name in names
        ]
        self.store, self.current = MemoryStore(), Current(lambda: NOON)
        self.current.add_tracks(ABC)
        if fitted:
            self.current.model = model(self.current.catalogue, self.listens)
        self.neighbourhood = Neighbourhood(self.store, self.current)

    async def near(self, user: str = "u1", *, limit: int = 10, least: float = 0.6):
        await self.store.append(self.listens)
        page = await self.neighbourhood.of(user, limit=limit, least=least)
        assert user == page.user_id
        return [(one.rank, one.user_id, one.score) for one in page.similar]


async def test_neighbours_are_ranked_by_cosine_and_exclude_oneself() -> None:
    desk = Desk({"u1": "abc", "twin": "abc", "near": "abd", "far": "d"})

    assert [(1, "twin", 1.0), (2, "near", pytest.approx(2 / 3, abs=1e-4))] == await desk.near()


async def test_only_those_at_least_as_near_as_asked_are_listed() -> None:
    desk = Desk({"u1": "abc", "twin": "abc", "near": "abd"})

    assert ["twin"] == [user for _, user, _ in await desk.near(least=0.67)]
    assert ["twin", "near"] == [user for _, user, _ in await desk.near(least=0.66)]


async def test_somebody_exactly_as_near_as_asked_is_listed() -> None:
    assert [(1, "twin", 1.0)] == await Desk({"u1": "abcd", "twin": "abcd"}).near(least=1.0)


async def test_no_more_are_listed_than_asked_for() -> None:
    desk = Desk({"u1": "ab"} | {f"v{n}": "ab" for n in range(5)})

    assert 3 == len(await desk.near(limit=3))
    assert 5 == len(await desk.near(limit=5))


async def test_one_track_in_common_is_not_enough() -> None:
    assert [] == await Desk({"u1": "a", "other": "a"}).near()


async def test_somebody_new_since_the_fit_has_neighbours_too() -> None:
    """Their history of this moment is compared with everybody's as of the fit."""
    desk = Desk({"twin": "abc"})
    desk.listens += [listen(name, user_id="fresh") for name in "abc"]

    assert [(1, "twin", 1.0)] == await desk.near("fresh")


async def test_tracks_newer_than_the_model_are_passed_over() -> None:
    desk = Desk({"u1": "abc", "twin": "abc"})
    desk.current.add_tracks([track("new")])
    desk.listens.append(listen("new", user_id="u1"))

    assert [(1, "twin", 1.0)] == await desk.near()


async def test_a_user_who_likes_nothing_has_no_neighbours() -> None:
    desk = Desk({"twin": "abc"})
    desk.listens.append(listen("a", user_id="u1", action="skip"))

    assert [] == await desk.near()


async def test_an_unknown_user_is_unknown_and_no_model_is_not_ready() -> None:
    with pytest.raises(UnknownUser, match="nobody"):
        await Desk({"u1": "ab"}).near("nobody")
    with pytest.raises(ModelNotReady, match="POST /v1/models starts a fit"):
        await Desk({"u1": "ab"}, fitted=False).near()
