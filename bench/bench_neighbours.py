"""Everybody's nearest listeners against implicit's CosineRecommender and a SciPy product."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from implicit.nearest_neighbours import CosineRecommender
from msgspec import structs
from scipy.sparse import csr_array, csr_matrix, diags_array
from threadpoolctl import threadpool_limits

from bench import picture
from bench.harness import Outcome, Row, bar, compare
from bench.listens import listens
from core import reference
from core.arrays import F32
from core.communities import communities, lengths
from core.histories import histories
from core.neighbours import ByTrack, cosine

OURS, IMPLICIT, SCIPY = "EchoTune", "implicit", "SciPy, product only"
K = 50


def neighbours_bench(*, quick: bool) -> Outcome:
    """Top 50 of every listener, every contender's similarities compared; bytes of the answers."""
    small, large = ((800, 1_000), (2_000, 2_000)) if quick else ((4_000, 10_000), (20_000, 10_000))
    worlds = {
        f"{small[0]:,} listeners": (listens(*small, 50 * small[0]), K, True),
        f"{large[0]:,} listeners": (listens(*large, 50 * large[0]), K, False),
        "hostile: all alike": (_alike(*small), K, False),
        "hostile: k = n": (listens(small[0] // 4, small[1], 12 * small[0]), small[0] // 4, False),
        "hostile: few share": (listens(small[0] * 5, small[0] * 50, 15 * small[0]), K, False),
    }
    rows, bars, drawn = [], [], {}
    for world, (interactions, k, with_scipy) in worlds.items():
        for threads in (1, 2):
            label = f"{world}, {threads} thread{'s' * (threads > 1)}"
            with_product = with_scipy and threads == 1
            found = _compared(
                interactions, k, threads, 3 if quick else 7, with_product=with_product
            )
            drawn[label] = {row.name: row.median_ms or 0 for row in found}
            rows += [structs.replace(row, name=f"{row.name}, {label}") for row in found]
            if not world.startswith("hostile"):
                bars.append(bar(f"{label}, times implicit", found[1].ratio or 0, "<=", 1))
    if not quick:
        picture.bars("neighbours", f"Nearest {K} of everybody", "milliseconds", drawn)
    return Outcome(rows=rows, bars=bars, params={"k": K})


BENCHES = {"neighbours": neighbours_bench}


def _alike(users: int, tracks: int) -> csr_array:
    """Everybody heard the same forty tracks: all similarities are equal and every row is full."""
    rng = np.random.default_rng(4)
    heard = np.zeros((users, tracks), np.float32)
    heard[:, np.sort(rng.choice(tracks, 40, replace=False))] = 1
    return csr_array(heard)


def _compared(
    interactions: csr_array, k: int, threads: int, runs: int, *, with_product: bool
) -> list[Row]:
    _check(interactions, k)
    turned = csr_matrix(interactions.T.tocsr())
    unit = csr_array(_unit(interactions))
    sizes: dict[str, int] = {}

    def ours() -> F32:
        rows, similarities = communities(interactions, k, threads=threads)
        sizes[OURS] = rows.nbytes + similarities.nbytes
        return similarities

    def theirs() -> Any:
        model = CosineRecommender(K=k + 1, num_threads=threads)  # one place goes to oneself
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it converts its own matrix and says so
            model.fit(turned, show_progress=False)
        return model.similarity

    def product() -> Any:
        return unit @ unit.T

    def agree(their_matrix: Any, similarities: F32) -> None:
        name = SCIPY if their_matrix.nnz > similarities.size + len(similarities) else IMPLICIT
        sizes[name] = sum(
            part.nbytes for part in (their_matrix.data, their_matrix.indices, their_matrix.indptr)
        )
        np.testing.assert_allclose(_best(their_matrix, k), similarities, atol=2e-5)

    contenders: dict[str, Callable[[], Any]] = {OURS: ours, IMPLICIT: theirs}
    if with_product:
        contenders[SCIPY] = product
    with threadpool_limits(1):
        rows = compare(contenders, runs=runs, agree=agree)
    return [
        Row(
            name=row.name,
            median_ms=row.median_ms,
            p95_ms=row.p95_ms,
            ratio=row.ratio,
            values={"answer MB": round(sizes.get(row.name, 0) / 1e6, 1)},
        )
        for row in rows
    ]


def _check(interactions: csr_array, k: int) -> None:
    """The first listeners by the kernel for one listener and the plain selection, bit for bit."""
    by_user, by_track = histories(interactions)
    turned = ByTrack(by_track.indptr, by_track.columns, by_track.strengths)
    rows, similarities = communities(interactions, k)
    for user in range(20):
        history = interactions[[user]]
        alike = cosine(turned, lengths(by_user), history.indices.astype(np.int32), history.data)
        alike[user] = 0
        alike[alike <= 0] = -np.inf
        expected_rows, expected = reference.topk(alike, k)
        np.testing.assert_array_equal(expected_rows, rows[user, : expected_rows.size])
        np.testing.assert_array_equal(expected, similarities[user, : expected.size])


def _unit(interactions: csr_array) -> Any:
    norms = lengths(histories(interactions)[0])
    return diags_array(1 / np.maximum(norms, np.float32(1e-30))) @ interactions


def _best(matrix: Any, k: int) -> F32:
    """The k greatest similarities of every row but to itself, best first, 0 for what is missing."""
    square = csr_array(matrix)
    square.setdiag(0)
    best = np.zeros((square.shape[0], k), np.float32)
    for row in range(square.shape[0]):
        values = np.sort(square.data[square.indptr[row] : square.indptr[row + 1]])[::-1][:k]
        best[row, : values.size] = np.maximum(values, 0)
    return best
