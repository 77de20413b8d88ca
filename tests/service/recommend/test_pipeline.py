"""The way of a miss, and the ladder for whoever is left without a list."""

import pytest

from service.domain import Blocked, Context
from service.model.catalogue import empty_catalogue
from service.recommend.ask import Ask
from service.recommend.pipeline import Ranking, rank
from service.recommend.retrieval import STRATEGIES
from tests.service.given import catalogue, listener, model, player_of, track, view
from tests.worlds import TASTES

KNOWN = catalogue()
VIEW = view(KNOWN, fitted=model(KNOWN), plays=range(10))
FAN = player_of(KNOWN, "folk01", "folk02", "folk03")
STRANGER = listener(KNOWN)


async def ranked(somebody, seen=VIEW, strategies=STRATEGIES, **asked) -> Ranking:
    return await rank(seen, somebody, Ask(**asked), timeout_s=5, strategies=strategies)


def listed(ranking: Ranking) -> list[str]:
    return [one.track.id for one in ranking.recommendations]


def broken(*_):
    raise ZeroDivisionError


async def test_a_fan_gets_a_personal_list_of_their_taste() -> None:
    ranking = await ranked(FAN, limit=5)

    assert "personal" == ranking.tier
    assert {"folk"} == {track_id[:-2] for track_id in listed(ranking)}
    assert [1, 2, 3, 4, 5] == [one.rank for one in ranking.recommendations]
    assert not {"folk01", "folk02", "folk03"} & set(listed(ranking))


async def test_every_track_has_a_reason_unless_the_request_says_no() -> None:
    told, untold = await ranked(FAN), await ranked(FAN, explain=False)

    assert all(one.reason and one.reason.text for one in told.recommendations)
    assert [None] * 20 == [one.reason for one in untold.recommendations]
    assert listed(told) == listed(untold)


async def test_a_stranger_gets_what_is_played_now() -> None:
    ranking = await ranked(STRANGER, limit=3)

    assert "popular" == ranking.tier
    assert ["jazz09", "jazz08", "jazz07"] == listed(ranking)
    assert {"Many people are playing it"} == {
        one.reason and one.reason.text for one in ranking.recommendations
    }


async def test_a_stranger_gets_a_full_list_even_where_nothing_was_ever_played() -> None:
    ranking = await ranked(STRANGER, view(KNOWN), limit=50)

    assert 50 == len(set(listed(ranking)))


async def test_context_alone_is_not_personal_but_moves_the_list() -> None:
    ranking = await ranked(STRANGER, context=Context(activity="workout"), limit=5)

    assert "popular" == ranking.tier
    assert {"metal"} == {track_id[:-2] for track_id in listed(ranking)}


async def test_familiar_lists_what_was_played_and_something_new_for_who_played_nothing() -> None:
    familiar, nothing = await ranked(FAN, mix="familiar"), await ranked(STRANGER, mix="familiar")

    assert {"folk01", "folk02", "folk03"} == set(listed(familiar))
    assert ("popular", 20) == (nothing.tier, len(listed(nothing)))


async def test_whoever_blocked_everything_gets_an_empty_list() -> None:
    blocked = Blocked(genres=TASTES)
    for somebody in (player_of(KNOWN, "folk01", blocked=blocked), listener(KNOWN, blocked=blocked)):
        for mix in ("discover", "familiar", "blend"):
            ranking = await ranked(somebody, mix=mix)

            assert ("popular", []) == (ranking.tier, ranking.recommendations)


@pytest.mark.parametrize("asked", [{}, {"mix": "familiar"}, {"context": Context(mood="sad")}])
async def test_an_empty_catalogue_is_an_empty_list(asked) -> None:
    empty = empty_catalogue()
    for strategy in ("hybrid", *STRATEGIES):
        ranking = await ranked(listener(empty), view(empty), strategy=strategy, **asked)

        assert [] == ranking.recommendations


@pytest.mark.parametrize("name", STRATEGIES)
async def test_any_strategy_may_fail_and_the_list_is_still_full(name) -> None:
    ranking = await ranked(FAN, strategies={**STRATEGIES, name: broken})

    assert "failed" == ranking.strategies[name]
    assert 20 == len(ranking.recommendations)


async def test_when_everything_fails_what_is_popular_is_left() -> None:
    ranking = await ranked(FAN, strategies=dict.fromkeys(STRATEGIES, broken), limit=3)

    assert ("popular", {"failed"}) == (ranking.tier, set(ranking.strategies.values()))
    assert ["jazz09", "jazz08", "jazz07"] == listed(ranking)


@pytest.mark.parametrize("strategy", ["collaborative", "content", "context"])
async def test_a_single_strategy_with_nothing_to_say_falls_back_on_popular(strategy) -> None:
    ranking = await ranked(STRANGER, strategy=strategy, limit=3)

    assert ("popular", {strategy: "skipped"}) == (ranking.tier, ranking.strategies)
    assert ["jazz09", "jazz08", "jazz07"] == listed(ranking)


async def test_a_track_the_model_does_not_know_can_be_listed() -> None:
    grown = catalogue()
    fitted = model(grown)
    grown = grown.with_tracks([track("new", artist="Folk Artist 1", genres=("folk",))])

    ranking = await ranked(player_of(grown, "folk01"), view(grown, fitted=fitted), limit=19)

    assert "new" in listed(ranking)
