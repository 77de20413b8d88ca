"""The same variant in every process, for good, and no two experiments of a layer for one user."""

import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from scipy import stats

from service.domain import Experiment, Variant
from service.errors import Conflict
from service.experiments.assignment import BUCKETS, assign, bucket, claim

NOW = datetime(2026, 11, 1, tzinfo=UTC)
ARMS = (Variant(name="control", weight=3), Variant(name="warm"), Variant(name="bold"))
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
USERS = [f"user{number}" for number in range(20_000)]


def running(name: str, allocation: float = 1.0, *others: Experiment, **more) -> Experiment:
    return claim(
        Experiment(name=name, variants=ARMS, status="running", allocation=allocation, **more),
        others,
    )


def arm(experiment: Experiment, user_id: str, **traits) -> str | None:
    found = assign(experiment, user_id, traits, NOW)
    return found.name if found is not None else None


def test_shares_are_as_the_weights_say() -> None:
    arms = [arm(running("blend"), user) for user in USERS]

    counts = [arms.count(variant.name) for variant in ARMS]
    assert len(USERS) == sum(counts)
    assert stats.chisquare(counts, np.array([3, 1, 1]) / 5 * len(USERS)).pvalue > 0.001


def test_another_process_says_the_same() -> None:
    asked = (
        "from tests.service.experiments.test_assignment import *\n"
        "print([arm(running('blend', .5), user) for user in USERS[:200]])"
    )
    env = {"PYTHONHASHSEED": "7", "PYTHONPATH": str(Path(__file__).parents[3])}
    said = subprocess.run([sys.executable, "-c", asked], env=env, capture_output=True, check=True)

    here = [arm(running("blend", 0.5), user) for user in USERS[:200]]
    assert str(here) == said.stdout.decode().strip()
    assert {None, *(variant.name for variant in ARMS)} == set(here)


def test_nobody_moves_when_it_grows() -> None:
    small = running("blend", 0.1)
    large = claim(structs.replace(small, allocation=0.4), [])
    before = {user: arm(small, user) for user in USERS}
    after = {user: arm(large, user) for user in USERS}

    inside = [user for user in USERS if before[user] is not None]
    assert 0.08 < len(inside) / len(USERS) < 0.12
    assert [before[user] for user in inside] == [after[user] for user in inside]
    assert 0.37 < sum(one is not None for one in after.values()) / len(USERS) < 0.43


def test_experiments_of_a_layer_share_no_user_and_those_of_two_are_independent() -> None:
    one = running("one", 0.5, layer="ranking")
    other = running("other", 0.5, one, layer="ranking")
    apart = running("apart", 1.0, layer="reasons")

    for user in USERS:
        assert None in (arm(one, user), arm(other, user))
    both = Counter((arm(one, user), arm(apart, user)) for user in USERS)
    table = [[both[first.name, second.name] for second in ARMS] for first in ARMS]
    assert stats.chi2_contingency(table).pvalue > 0.001


def test_a_full_layer_says_what_is_left() -> None:
    one = running("one", 0.7, layer="ranking")

    with pytest.raises(Conflict, match=r"30.00% left for other, not 40.00%"):
        running("other", 0.4, one, layer="ranking")
    stopped = structs.replace(one, status="stopped")
    assert running("other", 0.4, stopped, layer="ranking").buckets


def test_what_another_has_taken_meanwhile_is_not_shared_by_starting_again() -> None:
    one = running("one", 0.7, layer="ranking")
    other = running("other", 0.4, structs.replace(one, status="stopped"), layer="ranking")

    with pytest.raises(Conflict, match="another name"):
        claim(one, [other])


def test_users_are_not_taken_out_by_growing_smaller() -> None:
    with pytest.raises(Conflict, match="stop it"):
        claim(structs.replace(running("blend", 0.4), allocation=0.1), [])


def test_only_its_audience_while_it_runs_and_in_its_time() -> None:
    experiment = running(
        "blend", starts=NOW, ends=NOW + timedelta(days=1), audience={"country": "DE"}
    )

    assert arm(experiment, "u1", country="DE") is not None
    assert arm(experiment, "u1", country="AT") is None
    assert arm(experiment, "u1") is None
    for at in (NOW - timedelta(seconds=1), NOW + timedelta(days=1)):
        assert assign(experiment, "u1", {"country": "DE"}, at) is None
    for status in ("draft", "stopped", "archived"):
        assert arm(structs.replace(experiment, status=status), "u1", country="DE") is None


def test_an_override_counts_for_whoever_tests() -> None:
    experiment = running("blend", 0.0, overrides={"tester": "bold"}, audience={"country": "DE"})

    assert "bold" == arm(experiment, "tester")
    assert arm(experiment, "another") is None


@settings(max_examples=500, deadline=None)
@given(layer=TEXT, user_id=TEXT)
def test_every_user_has_a_bucket(layer: str, user_id: str) -> None:
    assert 0 <= bucket(layer, user_id) < BUCKETS
