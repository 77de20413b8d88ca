"""Listeners who never existed behave as people do: they like, tire, skip, sulk and leave."""

from typing import Any

import numpy as np

from service.simulation.listener import CHURN, PATIENCE, Person

SCENES, ARTISTS = np.zeros(20, np.int64), np.arange(20)


def person(weight: float = 1.0, **more) -> Person:
    given: dict[str, Any] = {"hasty": 0.4, "active": 0.5, "worn": {}} | more
    return Person("u1", np.array([weight, 0.0]), **given)


def sessions(one: Person, times: int = 200, **more) -> list[list]:
    rng = np.random.default_rng(1)
    lived = []
    for _ in range(times):
        one.worn.clear()
        lived.append(one.session(np.arange(20), SCENES, ARTISTS, rng, **more))
    return lived


def test_what_they_like_they_play_and_what_they_do_not_they_skip() -> None:
    fond, cold = (
        np.mean([heard.skipped for one in sessions(person(weight)) for heard in one])
        for weight in (1.0, 0.0)
    )
    assert fond < 0.3
    assert cold > 0.35


def test_patience_ends_a_session() -> None:
    good, bad = (np.mean([len(one) for one in sessions(person(w))]) for w in (1.0, 0.0))

    assert good > bad + 2
    assert bad >= PATIENCE - 1


def test_a_track_wears_out_and_recovers() -> None:
    one = person()
    before = one.liking(3, 0, 3)
    one.worn[3] = 0.4
    worn = one.liking(3, 0, 3)
    for _ in range(20):
        one.sleep()

    assert worn < before == one.liking(3, 0, 3)


def test_one_artist_after_the_other_bores() -> None:
    apart = np.mean([heard.skipped for one in sessions(person()) for heard in one])
    rng, one, same = np.random.default_rng(1), person(), []
    for _ in range(200):
        one.worn.clear()
        same += [heard.skipped for heard in one.session(np.arange(20), SCENES, SCENES, rng)]

    assert np.mean(same) > apart


def test_whoever_is_disappointed_for_long_stays_away() -> None:
    rng, stayed, left = np.random.default_rng(2), 0, 0
    for _ in range(60):
        glad, sad = person(1.0), person(0.0, hasty=1.0)
        for _ in range(15):
            glad.session(np.arange(20), SCENES, ARTISTS, rng)
            sad.session(np.arange(20), SCENES, ARTISTS, rng)
            glad.sleep()
        stayed += not glad.gone
        left += sad.gone

    assert 0 < CHURN < 1
    assert stayed > 55
    assert left > 55
    assert not any(sad.comes(rng) for _ in range(100))


def test_ratings_follow_liking() -> None:
    stars = [
        np.mean([h.stars for one in sessions(person(w), 600) for h in one if h.stars is not None])
        for w in (1.0, 0.0)
    ]
    assert 5 >= stars[0] > stars[1] + 1 > 1.5
