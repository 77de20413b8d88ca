"""Bar 25: hostile numbers into online learning; no parameter is ever not finite.

What is fed: NaN and ±1e308 as targets and weights, rows of zeros and of NaN, and a learning rate a
thousand times too great. When the rows grow beyond measure learning stops, the last good ones
serve, a metric says so, and the next model starts it again.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prometheus_client import REGISTRY

from core import sgd
from core.sgd import BiasedFactors
from service.bus import ModelPublished
from service.learn import steps as module
from service.learn.learned import Learned
from service.learn.steps import RATE, Guard, Steps, learn
from tests.faults.sizes import say, size
from tests.service import given as make
from tests.service.given import NOON
from tests.service.learn.learning import Process, fitted, jazz, until

SEED = 7
USERS, TRACKS, WIDTH = 300, 400, 16
HOSTILE = np.array([np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-45, 0, 1, -1], np.float32)


def factors(rng: np.random.Generator) -> BiasedFactors:
    return sgd.start(USERS, TRACKS, WIDTH, rng=rng)


def arrays(of: BiasedFactors) -> list[np.ndarray]:
    return [of.users, of.tracks, of.user_biases, of.track_biases, of.mean]


def drawn(rng: np.random.Generator, count: int, **columns: np.ndarray) -> Steps:
    ordinary = {
        "keys": rng.integers(0, 2**63, count).astype(np.uint64),
        "users": rng.integers(0, USERS, count, np.int32),
        "tracks": rng.integers(0, TRACKS, count, np.int32),
        "targets": rng.choice(np.array([-1, 0.5, 1], np.float32), count),
        "weights": np.ones(count, np.float32),
    }
    return Steps(**(ordinary | columns))


def finite(of: BiasedFactors) -> bool:
    return all(bool(np.isfinite(array).all()) for array in arrays(of))


def stopped() -> float:
    return REGISTRY.get_sample_value("echotune_learning_stopped") or 0.0


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")  # 1e308 as float32
def test_hostile_targets_and_weights_leave_every_number_finite() -> None:
    rng, count = np.random.default_rng(SEED), size(20_000, 2_000_000)
    learned, guard = factors(rng), Guard()
    huge = np.array([1e308, -1e308]).astype(np.float32)  # what a client's number becomes
    values = np.concatenate([HOSTILE, huge])

    for _ in range(5):
        columns = {name: rng.choice(values, count) for name in ("targets", "weights")}
        learn(learned, drawn(rng, count, **columns), guard)
        assert finite(learned)

    say(f"{5 * count} hostile listens: 0 parameters not finite, stopped: {guard.stopped}")


def test_rows_of_zeros_and_rows_that_are_broken_spread_nothing() -> None:
    rng = np.random.default_rng(SEED)
    learned = factors(rng)
    learned.users[:10], learned.tracks[:10] = 0, 0
    learned.tracks[20] = np.nan
    before = learned.tracks[20].copy()
    even = drawn(rng, 2_000)

    learn(learned, even, Guard(), guarded=False)

    np.testing.assert_array_equal(before, learned.tracks[20])
    assert np.isfinite(np.delete(learned.tracks, 20, axis=0)).all()
    assert np.isfinite(learned.users).all()


@pytest.mark.parametrize("guarded", [True, False])
def test_a_rate_a_thousand_times_too_great_stops_and_leaves_the_last_good_ones(
    guarded: bool,
) -> None:
    """The control, without the guard, goes on with rows ten times and more as long."""
    rng = np.random.default_rng(SEED)
    learned, guard = factors(rng), Guard()
    learn(learned, drawn(rng, 5_000), guard)
    good = [array.copy() for array in arrays(learned)]

    learn(learned, drawn(rng, 20_000), guard, rate=1_000 * RATE, guarded=guarded)

    assert finite(learned)
    assert guarded == guard.stopped
    if guarded:
        for expected, actual in zip(good, arrays(learned), strict=True):
            np.testing.assert_array_equal(expected, actual)
        assert 1 == stopped()
    else:
        grown = np.linalg.norm(learned.tracks, axis=1).mean()
        assert grown > module.MOST_GROWTH * np.linalg.norm(good[1], axis=1).mean()


def test_ordinary_listens_never_stop_it() -> None:
    rng = np.random.default_rng(SEED)
    learned, guard = factors(rng), Guard()

    for _ in range(size(20, 500)):
        learn(learned, drawn(rng, 5_000), guard)
    learn(learned, drawn(rng, 1), guard)

    assert not guard.stopped


async def test_the_last_good_ones_serve_until_a_model_is_activated(
    tmp_path: Path, monkeypatch
) -> None:
    """From the event on the stream to what is served; counting goes on meanwhile."""
    process = Process(tmp_path)
    await process.learner.begin()
    await process.heard(*(jazz(number) for number in range(20)))
    await process.catch_up()
    await process.learner.serve()
    served = process.current.factors
    monkeypatch.setattr(Learned.hear, "__kwdefaults__", {"rate": 1_000 * RATE})
    many = (jazz(number, track=number % 20, user=f"u{number}") for number in range(20, 900))
    await process.heard(*many)
    await process.catch_up()
    await process.learner.serve()

    assert process.learner.learned.guard.stopped
    assert served is process.current.factors
    assert 1 == stopped()
    assert 20 + 44 == process.plays()[0]

    monkeypatch.undo()
    await process.learner.save()  # a restart is no way round
    await process.stream.publish([ModelPublished("v1")])
    process.following.watch()
    await _until_started(process)
    await process.following.close()
    assert 0 == stopped()


async def test_the_next_model_starts_it_again(tmp_path: Path) -> None:
    process = Process(tmp_path)
    await process.learner.begin()
    process.learner.learned.guard.stopped = True
    process.current.model = fitted(process.current, version="v2")
    process.following.watch()

    await _until_started(process)
    await process.following.close()


async def _until_started(process: Process) -> None:
    def learning() -> bool:
        learned = process.learner.learned
        return learned.version is not None and not learned.guard.stopped

    await until(learning)


def test_numbers_out_of_hostile_listens_are_finite_too() -> None:
    """The domain's limits: the most plays, the shortest track, a play as long as a day."""
    known = make.catalogue(make.track("a", duration_ms=1), make.track("b", duration_ms=86_400_000))
    model = make.model(known, [], latent=make.latent(2, 4))
    learned = Learned(NOON, recent=100)
    learned.rebase(model)
    actions = ("play", "skip", "like", "save", "dislike")
    for number, action in enumerate(actions):
        extremes: dict[str, Any] = {"plays": 1_000_000, "ms_played": 86_400_000, "action": action}
        learned.hear([make.listen("ab"[number % 2], id=str(number), **extremes)], known)

    assert learned.factors is not None
    assert finite(learned.factors)
    assert np.isfinite(learned.trending.counts(NOON, 2)).all()
