"""The quality gate: worse for some is refused, noise is not, and too few say nothing."""

from typing import Any

import numpy as np
import pytest
from msgspec import structs
from scipy.sparse import csr_array

from service.learn.gate import FEWEST, Sitting, long_tail, marks, verdict_of
from service.model.verdict import FIRST
from service.model.version import Model
from tests.service.learn.fans import PER_TASTE, fans, fitted, flood

USERS = 400


def sitting(change=0.0, *, noise: float = 0.02, users: int = USERS, **more) -> Sitting:
    """Marks of a champion around .3, and of a candidate that differs by `change` of it."""
    draw = np.random.default_rng(3)
    champion = np.repeat(draw.uniform(0.1, 0.5, users)[:, None], 2, axis=1)
    lot = draw.normal(0, noise, users)
    lot -= lot.mean()
    given = {
        "basis": "newer",
        "listeners": [f"u{user}" for user in range(users)],
        "tracks": np.full(users, 50),
        "known": np.ones(users, np.bool_),
        "champion": champion,
        "candidate": champion * (1 + np.reshape(change, (-1, 1))) + lot[:, None],
    }
    return Sitting(**(given | more))


@pytest.mark.parametrize(
    "change, passed", [(0.0, True), (0.2, True), (-0.009, True), (-0.02, False), (-0.5, False)]
)
def test_a_candidate_may_lose_one_per_cent_and_no_more(change: float, passed: bool) -> None:
    verdict = verdict_of(sitting(change), "v1", {})

    assert passed == verdict.passed
    figure = verdict.figures["all"]
    assert figure.low < figure.candidate / figure.champion - 1 < figure.high
    assert ("newer", "v1", USERS) == (verdict.basis, verdict.champion, figure.listeners)


def test_what_chance_explains_is_not_held_against_it() -> None:
    noisy = verdict_of(sitting(-0.02, noise=0.2), "v1", {})

    assert noisy.passed
    assert noisy.figures["all"].low < -0.02 < 0 < noisy.figures["all"].high


SLICES: dict[str, dict[str, Any]] = {
    "new": {"tracks": np.where(np.arange(USERS) < 100, 3, 50)},
    "known": {"known": np.arange(USERS) < 100},
    "country SE": {},
}
COUNTRIES = {f"u{user}": "SE" if user < 100 else "IS" for user in range(100, USERS)} | {
    f"u{user}": "SE" for user in range(100)
}


@pytest.mark.parametrize("name", SLICES)
def test_a_slice_that_loses_is_enough_and_the_verdict_names_it(name: str) -> None:
    loses = np.where(np.arange(USERS) < 100, -0.2, 0.1)

    verdict = verdict_of(sitting(loses, **SLICES[name]), "v1", COUNTRIES)

    assert verdict.figures["all"].candidate > verdict.figures["all"].champion
    assert not verdict.passed
    assert f"worse than v1 on listens newer than both: {name} NDCG@10" in verdict.why or (
        f"; {name} NDCG@10" in verdict.why
    )


def test_the_long_tail_is_a_slice_of_tracks() -> None:
    whole = sitting()
    worse = whole.candidate * np.array([1.1, 0.7])

    verdict = verdict_of(structs.replace(whole, candidate=worse), "v1", {})

    assert "worse than v1 on listens newer than both: long tail" in verdict.why


def test_a_slice_with_too_few_listeners_says_nothing() -> None:
    few = np.arange(USERS) < FEWEST - 1
    loses = np.where(few, -0.2, 0.1)

    verdict = verdict_of(sitting(loses, tracks=np.where(few, 3, 50)), "v1", {"u1": "SE"})

    assert verdict.passed
    assert {"all", "known", "long tail"} == verdict.figures.keys()


def test_nobody_to_compare_by_means_it_may_serve_and_says_so() -> None:
    verdict = verdict_of(None, "v1", {})

    assert (True, "none", {}) == (verdict.passed, verdict.basis, verdict.figures)
    assert "fewer than 50 listeners to compare it with v1 by" == verdict.why


def test_a_tail_holds_a_fifth_of_what_was_heard_and_what_is_new() -> None:
    counts = np.array([1, 60, 20, 10, 9, 0], np.int32)

    assert [0, 3, 4, 5, 6] == np.flatnonzero(long_tail(counts, size=7)).tolist()


def test_marks_of_the_tail_leave_out_who_has_nothing_there() -> None:
    shown = np.array([[0, 1], [1, 2]], np.int32)
    truth = csr_array(np.array([[1, 1, 0], [0, 1, 0]], np.float32))

    found = marks(shown, truth, np.array([True, False, False]))

    np.testing.assert_array_equal([[1.0, 1.0], [1.0, np.nan]], found)


@pytest.fixture(scope="module")
def champion() -> Model:
    return fitted(fans(played=8), "v1")


def test_the_first_model_has_nothing_to_beat(champion: Model) -> None:
    assert FIRST == champion.verdict


def test_newer_listens_judge_both_models(champion: Model) -> None:
    verdict = fitted(fans(), "v2", champion).verdict

    assert verdict is not None
    assert (True, "newer") == (verdict.passed, verdict.basis)
    assert 3 * PER_TASTE == verdict.figures["known"].listeners


def test_the_same_listens_again_get_the_same_marks(champion: Model) -> None:
    """Nothing is newer, so the trial sits the exam of the champion's trial."""
    verdict = fitted(fans(played=8), "v2", champion).verdict

    assert verdict is not None
    assert (True, "trial") == (verdict.passed, verdict.basis)
    figure = verdict.figures["all"]
    assert (figure.champion, 0, 0) == (figure.candidate, figure.low, figure.high)


@pytest.mark.parametrize("played, at, basis", [(12, 0.5, "newer"), (8, 99, "trial")])
def test_a_model_that_a_flood_has_spoiled_is_refused(
    champion: Model, played: int, at: float, basis: str
) -> None:
    """By those it knew before, also when nothing newer is theirs."""
    verdict = fitted(fans(played=played) | flood(600, at=at), "v2", champion).verdict

    assert verdict is not None
    assert (False, basis) == (verdict.passed, verdict.basis)
    assert verdict.figures["known"].candidate < 0.8 * verdict.figures["known"].champion


def test_a_champion_without_marks_cannot_be_compared_with_when_nothing_is_newer(
    champion: Model,
) -> None:
    """It was fitted before there was a gate."""
    verdict = fitted(fans(played=8), "v2", structs.replace(champion, trial=None)).verdict

    assert verdict is not None
    assert (True, "none") == (verdict.passed, verdict.basis)
