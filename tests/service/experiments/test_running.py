"""What a process knows of the experiments that run, and what it remembers of users."""

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import structs

from service.bus import UserUpdated
from service.domain import Demographics, Experiment, User, Variant
from service.experiments.arms import NO_ARMS, Arms
from service.experiments.assignment import claim
from service.experiments.running import MOST_USERS, TRAITS, Running, traits_of
from service.store.memory import MemoryStore

START = datetime(2026, 11, 1, tzinfo=UTC)
ARMS = (Variant(name="control"), Variant(name="new", settings={"balance": 0.5}))


def experiment(name: str, **more) -> Experiment:
    given: dict[str, Any] = {"variants": ARMS, "status": "running", "allocation": 1.0}
    return claim(Experiment(name=name, **(given | more)), [])


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


def known(*experiments: Experiment, clock: Clock | None = None) -> Running:
    running = Running(MemoryStore(), clock=clock or Clock())
    running.replace(experiments)
    return running


def arms(running: Running, user_id: str) -> Arms:
    found = running.arms(user_id)
    assert found is not None
    return found


def test_without_experiments_everybody_is_in_none() -> None:
    running = known(experiment("over", status="stopped"), experiment("thought of", status="draft"))

    assert running.arms("u") is NO_ARMS
    assert () == running.experiments


def test_equal_arms_are_one_object_with_what_both_change() -> None:
    other = experiment("other", variants=(Variant(name="a"), Variant(name="b")))
    running = known(experiment("one"), other)
    found = [arms(running, f"u{n}") for n in range(100)]

    assert 4 == len({id(one) for one in found}) == len({one.key for one in found})
    for one in found:
        assert {"one", "other"} == set(one.variants)
        assert ({"balance": 0.5} if one.variants["one"] == "new" else {}) == one.settings
        assert f"|one={one.variants['one']}|other={one.variants['other']}" == one.key


def test_the_clock_starts_and_ends_it() -> None:
    clock = Clock()
    timed = experiment("one", starts=START + timedelta(hours=1), ends=START + timedelta(hours=2))
    running = known(timed, clock=clock)
    seen = []
    for _ in range(3):
        running._settle()
        seen.append(bool(arms(running, "u").variants))
        clock.now += timedelta(hours=1)

    assert [False, True, False] == seen


def test_an_audience_has_to_be_asked_for_once() -> None:
    running = known(experiment("one", audience={"country": "DE"}))

    assert running.arms("u") is None
    assert running.place("u", {"country": "DE"}).variants
    assert arms(running, "u").variants
    assert running.without_asking("v") is NO_ARMS
    assert running.arms("v") is None


async def test_settings_are_asked_for_again_when_they_change_and_not_after_each_listen() -> None:
    running = known(experiment("one", audience={"country": "DE"}))
    running.place("u", {"country": "DE"})

    await running.on_user_updated(UserUpdated("u", 2, "listen"))
    assert running.arms("u") is not None
    await running.on_user_updated(UserUpdated("u", 3, "settings"))
    assert running.arms("u") is None


def test_what_is_remembered_is_forgotten_when_an_experiment_changes() -> None:
    running, started = known(experiment("one")), experiment("one")
    before = {user: running.arms(user) for user in ("a", "b", "c", "d")}
    running.replace([started])
    assert all(running.arms(user) is one for user, one in before.items())

    running.replace([structs.replace(started, halted={"new": "hurts"})])

    assert {(), ("control",)} >= {tuple(arms(running, u).variants.values()) for u in before}


def test_it_remembers_a_bounded_number_of_users(monkeypatch) -> None:
    monkeypatch.setattr("service.experiments.running.MOST_USERS", 10)
    running = known(experiment("one"))
    for number in range(1_000):
        running.arms(f"u{number}")

    assert len(running._of) <= 10 < MOST_USERS


async def test_what_the_store_has_is_read() -> None:
    store = MemoryStore()
    await store.put_experiment(experiment("one"), expected_rev=0)
    running = Running(store, clock=Clock())
    await running.refresh()

    assert ["one"] == [one.name for one in running.experiments]


def test_an_audience_may_ask_for_nothing_that_nobody_told() -> None:
    user = User(id="u", demographics=Demographics(country="DE", birth_year=1990, gender="x"))

    assert {"country": "DE", "timezone": "UTC"} == traits_of(user)
    assert set(traits_of(user)) <= set(TRAITS)
