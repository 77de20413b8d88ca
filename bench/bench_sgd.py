"""Online factors against implicit's BPR: factor rows moved per second, one thread each.

implicit has no online factors with a bias; BPR is its stochastic gradient kernel and the nearest
thing. An event moves two rows of factors, a BPR sample three. BPR reports the time of its kernel
alone; ours is the whole call, checks included. BPR is measured with and without its test that a
negative track was not heard; the bar is on the faster one.
"""

from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter

import numpy as np
from implicit.cpu.bpr import BayesianPersonalizedRanking
from scipy.sparse import csr_array, csr_matrix
from threadpoolctl import threadpool_limits

from bench import picture
from bench.harness import Outcome, Row, bar, same_answer
from bench.listens import listens
from core import reference_factors, sgd
from core.arrays import F32, I32

DIMENSIONS = 64
OURS, THEIRS, CHECKED = "EchoTune", "implicit BPR", "implicit BPR, checked"
ROWS_PER_EVENT = {OURS: 2, THEIRS: 3, CHECKED: 3}
Events = tuple[I32, I32, F32]


def sgd_bench(*, quick: bool) -> Outcome:
    """Factor rows per second of online SGD and implicit's BPR on the same events; hostile input."""
    runs = 3 if quick else 15
    with threadpool_limits(1):
        small = _beside_bpr(20_000, 10_000, 200_000 if quick else 1_000_000, runs)
        size = 50_000 if quick else 1_000_000
        large = _beside_bpr(size, size, 100_000 if quick else 2_000_000, 3 if quick else 7)
        hostile = _hostile(20_000, 10_000, 50_000 if quick else 500_000, runs)
        single = _single_events()
    rates = {"20k × 10k": small, f"{size:,} × {size:,}": large}
    if not quick:
        picture.bars(
            "sgd", f"{DIMENSIONS} factors, one thread", "million factor rows per second", rates
        )
    rows = [
        Row(
            name=f"{name}, {world}",
            ratio=None if name == OURS else rate / found[OURS],
            values={"million rows/s": round(rate, 2)},
        )
        for world, found in rates.items()
        for name, rate in found.items()
    ]
    rows += [
        Row(name=f"{OURS}, {name}", values={"million rows/s": round(rate, 2)})
        for name, rate in hostile.items()
    ]
    rows += [Row(name=f"{OURS}, {name}", values=values) for name, values in single.items()]
    return Outcome(
        rows=rows,
        bars=[
            bar(
                "factor rows per second, times implicit BPR, 20k × 10k",
                small[OURS] / max(small[THEIRS], small[CHECKED]),
                ">=",
                4,
            )
        ],
        params={"dimensions": DIMENSIONS, "threads": 1, "runs": runs},
    )


BENCHES = {"sgd": sgd_bench}


def _beside_bpr(users: int, tracks: int, entries: int, runs: int) -> dict[str, float]:
    """Million factor rows per second of each contender on the entries of one matrix."""
    interactions = listens(users, tracks, entries)
    events = _events(interactions)
    factors = sgd.start(users, tracks, DIMENSIONS, rng=np.random.default_rng(0))
    _check(factors, events)
    theirs = csr_matrix(interactions)

    def ours() -> float:
        start = perf_counter()
        sgd.learn(factors, *events)
        return perf_counter() - start

    return _rates(
        {OURS: ours, THEIRS: _bpr(theirs, check=False), CHECKED: _bpr(theirs, check=True)},
        interactions.nnz,
        runs,
    )


def _events(interactions: csr_array) -> Events:
    """Every entry once, in random order: row, column, 1."""
    order = np.random.default_rng(1).permutation(interactions.nnz)
    owners = np.repeat(np.arange(interactions.shape[0]), np.diff(interactions.indptr))
    users, tracks = owners[order].astype(np.int32), interactions.indices[order].astype(np.int32)
    return users, tracks, np.ones(users.size, np.float32)


def _check(factors: sgd.BiasedFactors, events: Events) -> None:
    """The plain twin gives the same bits, and the loss falls; BPR has another loss to compare."""
    some: Events = (events[0][:500], events[1][:500], events[2][:500])
    ours, twin = (
        sgd.BiasedFactors(*(getattr(factors, name).copy() for name in vars(factors)))
        for _ in range(2)
    )
    sgd.learn(ours, *some)
    reference_factors.learn(twin, *some)
    for name in vars(ours):
        np.testing.assert_array_equal(getattr(twin, name), getattr(ours, name), err_msg=name)
    same_answer(reference_factors.predict(ours, *some[:2]), sgd.predict(ours, *some[:2]))
    first, second = (sgd.learn(ours, *events).loss for _ in range(2))
    if not second < first:
        raise AssertionError(f"the loss rose from {first} to {second}")


def _bpr(interactions: csr_matrix, *, check: bool) -> Callable[[], float]:
    """One epoch, timed by implicit itself around its kernel."""
    model = BayesianPersonalizedRanking(
        factors=DIMENSIONS,
        iterations=1,
        num_threads=1,
        verify_negative_samples=check,
        random_state=0,
    )
    seconds: list[float] = []

    def once() -> float:
        model.fit(
            interactions,
            show_progress=False,
            callback=lambda _epoch, elapsed, *_: seconds.append(elapsed),
        )
        return seconds[-1]

    return once


def _rates(
    contenders: Mapping[str, Callable[[], float]], events: int, runs: int
) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for once in contenders.values():
        once()  # compiles, and faults the memory in
    for _ in range(runs):
        for name, once in contenders.items():  # round-robin: a noisy second hits all alike
            times[name].append(once())
    return {
        name: ROWS_PER_EVENT.get(name, 2) * events / median(spent) / 1e6
        for name, spent in times.items()
    }


def _hostile(users: int, tracks: int, entries: int, runs: int) -> dict[str, float]:
    """Inputs that hurt: one row again and again, clipping, refusals, denormals, all frozen."""
    rng = np.random.default_rng(2)
    of_users = rng.integers(0, users, entries, dtype=np.int32)
    of_tracks = rng.integers(0, tracks, entries, dtype=np.int32)
    ones, zeros = np.ones(entries, np.float32), np.zeros(entries, np.int32)
    shift = np.float32(1e6)

    def timed(events: Events, *, scale: float = 1.0, frozen: bool = False) -> Callable[[], float]:
        factors = sgd.start(users, tracks, DIMENSIONS, rng=np.random.default_rng(0))
        factors.users[:] *= np.float32(scale)
        factors.tracks[:] *= np.float32(scale)
        flags = np.ones(users, np.bool_) if frozen else None

        def once() -> float:
            start = perf_counter()
            sgd.learn(factors, *events, frozen_users=flags, frozen_mean=scale != 1)
            return perf_counter() - start

        return once

    return _rates(
        {
            "random events": timed((of_users, of_tracks, ones)),
            "one user, one track": timed((zeros, zeros, ones)),
            "every error clipped": timed((of_users, of_tracks, ones * shift)),
            "every target NaN": timed((of_users, of_tracks, ones * np.float32(np.nan))),
            "denormal factors": timed((of_users, of_tracks, ones * np.float32(0)), scale=1e-39),
            "users frozen": timed((of_users, of_tracks, ones), frozen=True),
        },
        entries,
        runs,
    )


def _single_events() -> dict[str, dict[str, float | int | str]]:
    """Microseconds of a whole call with one event, and with 32."""
    factors = sgd.start(20_000, 10_000, DIMENSIONS, rng=np.random.default_rng(0))
    found: dict[str, dict[str, float | int | str]] = {}
    for size in (1, 32):
        rows, ones = np.arange(size, dtype=np.int32), np.ones(size, np.float32)
        spent = []
        for _ in range(2_000):
            start = perf_counter()
            sgd.learn(factors, rows, rows, ones)
            spent.append((perf_counter() - start) * 1e6)
        name = "one event a call" if size == 1 else f"{size} events a call"
        found[name] = {"µs/call": round(median(spent), 2)}
    return found
