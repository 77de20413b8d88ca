"""Implicit ALS against implicit's AlternatingLeastSquares: same start, confidences and steps."""

from collections.abc import Callable
from functools import partial
from statistics import median
from time import perf_counter

import numpy as np
from implicit.cpu import _als
from implicit.cpu.als import AlternatingLeastSquares
from msgspec import structs
from scipy.sparse import csr_array, csr_matrix
from threadpoolctl import threadpool_limits

from bench import picture
from bench.harness import Outcome, Row, bar, compare
from bench.listens import listens
from core import als, reference_factors
from core.arrays import F32
from core.histories import histories

L2, STEPS = 0.01, 3
OURS, THEIRS = "EchoTune", "implicit"
Sides = tuple[F32, F32]


def als_bench(*, quick: bool) -> Outcome:
    """Seconds per iteration at equal factors, threads and loss; one listener folded in."""
    size = (4_000, 2_000, 100_000) if quick else (20_000, 10_000, 1_000_000)
    worlds = {
        "listens": (listens(*size), 64),
        "listens, 128 factors": (listens(*size), 128),
        "hostile": (_hostile(*size[:2]), 64),
    }
    rows, bars, drawn = [], [], {}
    for world, (interactions, dimensions) in worlds.items():
        for threads in (1, 2):
            label = f"{world}, {threads} thread{'s' * (threads > 1)}"
            found, losses = _iterations(interactions, dimensions, threads, 3 if quick else 15)
            rows += [
                structs.replace(
                    row,
                    name=f"{row.name}, {label}",
                    values={"loss after 1": round(losses[row.name])},
                )
                for row in found
            ]
            drawn[label] = {row.name: (row.median_ms or 0) / 1e3 for row in found}
            bars.append(bar(f"iteration, {label}, times implicit", found[1].ratio or 0, "<=", 1))
    rows += _fold_in(worlds["listens"][0], 20 if quick else 300)
    if not quick:
        picture.bars("als", "One iteration, 20k × 10k, 1M entries", "seconds", drawn)
    return Outcome(
        rows=rows,
        bars=bars,
        params={"l2": L2, "cg_steps": STEPS, "entries": worlds["listens"][0].nnz},
    )


BENCHES = {"als": als_bench}


def _hostile(users: int, tracks: int) -> csr_array:
    """One listener of everything, one track of everybody, half of the rest empty, plays of 1000."""
    dense = listens(users, tracks, users * 20, seed=3).toarray()
    dense[users // 2 :] = 0
    dense[:, tracks // 2 :] = 0
    dense[0, :] = 1
    dense[:, 0] = 1000
    return csr_array(dense)


def _iterations(
    interactions: csr_array, dimensions: int, threads: int, runs: int
) -> tuple[list[Row], dict[str, float]]:
    """Time one iteration of each, again and again from where it is; compare losses after one."""
    by_user, by_track = histories(interactions)
    confidence = csr_matrix(interactions)
    confidence.data = 1 + confidence.data
    turned = confidence.T.tocsr()
    ours, theirs = (_start(interactions, dimensions) for _ in range(2))
    options = {"num_threads": threads, "cg_steps": STEPS}
    losses: dict[str, float] = {}

    def iterate() -> Sides:
        als.improve(ours[0], ours[1], by_user, l2=L2, cg_steps=STEPS, threads=threads)
        als.improve(ours[1], ours[0], by_track, l2=L2, cg_steps=STEPS, threads=threads)
        return ours

    def iterate_theirs() -> Sides:
        _als.least_squares_cg(confidence, *theirs, L2, **options)
        _als.least_squares_cg(turned, *theirs[::-1], L2, **options)
        return theirs

    def same_loss(their_sides: Sides, our_sides: Sides) -> None:
        for name, sides in ((OURS, our_sides), (THEIRS, their_sides)):
            losses[name] = als.loss(*sides, by_user, l2=L2)
        np.testing.assert_allclose(losses[THEIRS], losses[OURS], rtol=1e-3)

    with threadpool_limits(1):  # BLAS; implicit asks for that, and both bring threads of their own
        rows = compare({OURS: iterate, THEIRS: iterate_theirs}, runs=runs, agree=same_loss)
        same_later = [als.loss(*sides, by_user, l2=L2) for sides in (ours, theirs)]
    np.testing.assert_allclose(same_later[1], same_later[0], rtol=1e-3)
    return rows, losses


def _start(interactions: csr_array, dimensions: int) -> Sides:
    rng = np.random.default_rng(0)
    users, tracks = (
        rng.random((size, dimensions), np.float32) * np.float32(0.01) for size in interactions.shape
    )
    return users, tracks


def _fold_in(interactions: csr_array, listeners: int) -> list[Row]:
    """One listener's factors from their history, beside implicit's Cholesky of the same."""
    with threadpool_limits(1):
        users, tracks = als.fit(
            interactions, dimensions=64, rng=np.random.default_rng(0), iterations=5
        )
        penalised = als.penalty(als.gram(tracks), L2)
        model = AlternatingLeastSquares(factors=64, regularization=L2, num_threads=1)
        model.user_factors, model.item_factors = users, tracks
        times: dict[str, list[float]] = {OURS: [], THEIRS: []}
        worst = 0.0
        for user in range(0, interactions.shape[0], interactions.shape[0] // listeners):
            history = interactions[[user]]
            rows, confidence = history.indices.astype(np.int32), csr_matrix(history)
            confidence.data = 1 + confidence.data
            calls: dict[str, Callable[[], F32]] = {
                OURS: partial(als.fold_in, tracks, penalised, rows, history.data),
                THEIRS: partial(model.recalculate_user, 0, confidence),
            }
            exact = reference_factors.folded_in(tracks, rows, history.data, alpha=1.0, l2=L2)
            for name, call in calls.items():
                answer = call()
                np.testing.assert_allclose(tracks @ answer, tracks @ exact, atol=5e-3, err_msg=name)
                if name == OURS:
                    worst = max(worst, float(np.abs(tracks @ answer - tracks @ exact).max()))
                start = perf_counter()
                call()
                times[name].append((perf_counter() - start) * 1e3)
    ours = median(times[OURS])
    return [
        Row(
            name=f"{name}, fold in a listener",
            median_ms=median(spent),
            ratio=None if name == OURS else ours / median(spent),
            values={"worst score error": f"{worst:.1e}"} if name == OURS else {},
        )
        for name, spent in times.items()
    ]
