"""Inner product search: best 50 of 1M x 64, one user and 256, against faiss and implicit.

Every contender has one thread, BLAS included (`blas` in the params says which kernels OpenBLAS
chose; faiss brings a BLAS of its own). The catalogue is prepared outside the clock for each. A
sample is a whole call, from query to sorted rows and scores. Ours must equal the plain twin to the
bit on a part of the catalogue; the others add in another order, so their scores must agree to
1e-4 of the greatest.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import faiss
import numpy as np
from implicit.cpu.topk import topk as implicit_topk
from numpy.typing import NDArray
from threadpoolctl import threadpool_info, threadpool_limits

from bench.faiss_filter import among
from bench.harness import RESULTS, Outcome, Row, bar, compare
from bench.picture import times
from core import reference
from core.factors import Factors
from core.mips import mips, mips_batch

F32 = NDArray[np.float32]
Contenders = dict[str, Callable[[], Any]]
D, K, USERS = 64, 50, 256
BUDGET_MS = 10


def topk(*, quick: bool) -> Outcome:
    """Exact top 50 of 1M x 64 by inner product: one user, 256 users, hostile inputs."""
    n, users, runs = (50_000, 32, 3) if quick else (1_000_000, USERS, 21)
    rng = np.random.default_rng(0)
    values, queries = (rng.standard_normal((size, D), np.float32) for size in (n, users))
    with threadpool_limits(1):
        faiss.omp_set_num_threads(1)
        rows = _one(values, queries[0], runs)
        bars = [_bar(rows, "faiss IndexFlatIP", 0.45)]
        rows += _batch(values, queries, max(3, runs // 4))
        bars.append(_bar(rows, f"implicit topk, {users} users", 0.7))
        for name, make in _hostile(values, queries[0], rng).items():
            rows += _against_faiss(name, *make(), runs=max(3, runs // 3))
            bars.append(_bar(rows, f"faiss, {name}", 1.2))
        rows += _options(values, queries[0], rng, max(3, runs // 3))
        sizes = (20_000, 50_000) if quick else (1_000_000, 2_000_000, 3_000_000, 4_000_000)
        rows += [_budget(sizes, queries[0], rng)]
        blas = ", ".join(sorted({_blas(found) for found in threadpool_info()} - {""}))
    if not quick:
        title = f"Best {K} of {n:,} x {D} by inner product, one core"
        times(rows, RESULTS / "topk.png", title)
    params: dict[str, float | int | str] = {
        "n": n,
        "d": D,
        "k": K,
        "users": users,
        "runs": runs,
        "threads": 1,
        "blas": blas,
    }
    return Outcome(rows=rows, bars=bars, params=params)


BENCHES = {"topk": topk}


def _one(values: F32, query: F32, runs: int) -> list[Row]:
    factors, few = Factors(values), 50_000
    mine, twin = mips(Factors(values[:few]), query, K), reference.mips(values[:few], query, K)
    np.testing.assert_array_equal(mine[0], twin[0])
    np.testing.assert_array_equal(mine[1], twin[1])
    contenders: Contenders = {
        "EchoTune": partial(mips, factors, query, K),
        "faiss IndexFlatIP": _faiss(values, query, K),
        "implicit topk": lambda: implicit_topk(values, query[None], K, num_threads=1),
        "NumPy": lambda: _numpy(values, query),
        "xor of our 64 bytes a row": lambda: np.bitwise_xor.reduce(factors.tiles.view(np.uint64)),
    }
    return compare(contenders, runs=runs, agree=_agree)


def _batch(values: F32, queries: F32, runs: int) -> list[Row]:
    factors, index, users = Factors(values), faiss.IndexFlatIP(D), len(queries)
    index.add(values)
    contenders: Contenders = {
        f"EchoTune, {users} users": lambda: mips_batch(factors, queries, K),
        f"implicit topk, {users} users": lambda: implicit_topk(values, queries, K, num_threads=1),
        f"faiss IndexFlatIP, {users} users": lambda: index.search(queries, K),
        f"product alone (BLAS), {users} users": lambda: _product(values, queries),
    }

    def agree(theirs: Any, ours: Any) -> None:
        if theirs is None:
            return
        scores = theirs[1] if theirs[0].dtype.kind == "i" else theirs[0]
        for found, (_, mine) in zip(scores, ours, strict=True):
            _close(found, mine)

    rows = compare(contenders, runs=runs, agree=agree)
    return [_per_user(row, users) for row in rows]


def _hostile(
    values: F32, query: F32, rng: np.random.Generator
) -> dict[str, Callable[[], tuple[F32, F32, dict[str, Any]]]]:
    """Inputs that hurt: each makes `(values, query, options)` only when it is its turn."""
    n = len(values)

    def clustered(size: int) -> F32:
        centres = rng.standard_normal((size, D), np.float32)[rng.integers(0, size, n)]
        return (centres + values / 100).astype(np.float32)

    return {
        "ascending": lambda: (values[np.argsort(values @ query)], query, {}),
        "all equal": lambda: (np.ones_like(values), query, {}),
        "all excluded": lambda: (values, query, {"eligible": np.zeros(n, np.bool_)}),
        "k = n": lambda: (values, query, {"k": n}),
        "clustered": lambda: (clustered(1000), query, {}),
        "ten clusters": lambda: (clustered(10), query, {}),
        "denormals": lambda: (values * np.float32(1e-39), query, {}),
        "uneven norms": lambda: (
            values * np.exp(rng.standard_normal((n, 1))).astype(np.float32),
            query,
            {},
        ),
    }


def _against_faiss(
    name: str, values: F32, query: F32, options: dict[str, Any], *, runs: int
) -> list[Row]:
    factors, k = Factors(values), options.get("k", K)
    allowed = options.get("eligible")
    contenders: Contenders = {
        f"EchoTune, {name}": lambda: mips(factors, query, k, eligible=allowed),
        f"faiss, {name}": _faiss(values, query, k, allowed),
    }
    return compare(contenders, runs=3 if k > K else runs, agree=_agree)


def _options(values: F32, query: F32, rng: np.random.Generator, runs: int) -> list[Row]:
    """What a request adds: biases, heard rows, half of the catalogue blocked."""
    factors, n = Factors(values), len(values)
    bias, heard = rng.standard_normal(n, np.float32), rng.integers(0, n, 500, dtype=np.int32)
    half = rng.random(n) < 0.5
    contenders: Contenders = {
        "EchoTune, biases": lambda: mips(factors, query, K, bias=bias),
        "EchoTune, 500 heard": lambda: mips(factors, query, K, excluded=heard),
        "EchoTune, half eligible": lambda: mips(factors, query, K, eligible=half),
    }
    rows = compare(contenders, runs=runs, agree=lambda _theirs, _ours: None)
    return [Row(name=row.name, median_ms=row.median_ms, p95_ms=row.p95_ms) for row in rows]


def _budget(sizes: tuple[int, ...], query: F32, rng: np.random.Generator) -> Row:
    """The number of rows that take BUDGET_MS: a straight line through the medians."""
    spent = []
    for size in sizes:
        factors = Factors(rng.standard_normal((size, D), np.float32))
        only = {"": partial(mips, factors, query, K)}
        spent.append(compare(only, runs=9)[0].median_ms or np.nan)
    slope, base = np.polyfit(sizes, spent, 1)
    rows = float(round((BUDGET_MS - base) / slope, -4))
    found: dict[str, float | int | str] = {"rows": rows}
    for size, each in zip(sizes, spent, strict=True):
        found[f"ms at {size}"] = round(float(each), 3)
    return Row(name=f"EchoTune, rows in {BUDGET_MS} ms", values=found)


def _faiss(
    values: F32, query: F32, k: int, eligible: NDArray[np.bool_] | None = None
) -> Callable[[], Any]:
    index, params = faiss.IndexFlatIP(D), among(eligible)
    index.add(np.ascontiguousarray(values))
    return lambda: index.search(query[None], k, params=params)


def _numpy(values: F32, query: F32) -> tuple[NDArray[np.intp], F32]:
    scores = values @ query
    rows = np.argpartition(-scores, K)[:K]
    rows = rows[np.lexsort((rows, -scores[rows]))]
    return rows, scores[rows]


def _product(values: F32, queries: F32) -> None:
    for start in range(0, len(values), 10_000):  # as implicit does it, so that it stays in cache
        np.dot(values[start : start + 10_000], queries.T)


def _agree(theirs: Any, ours: Any) -> None:
    if isinstance(theirs, np.uint64):
        return  # a reading of memory has no answer
    rows, scores = theirs if theirs[0].dtype.kind == "i" else theirs[::-1]
    found = np.atleast_2d(scores)[0][np.atleast_2d(rows)[0] >= 0]
    _close(found, ours[1])


def _close(found: F32, mine: F32) -> None:
    greatest = float(np.abs(mine).max(initial=0))
    np.testing.assert_allclose(found, mine, rtol=0, atol=1e-4 * greatest)


def _per_user(row: Row, users: int) -> Row:
    spent = (row.median_ms or np.nan) / users
    return Row(
        name=row.name, median_ms=spent, p95_ms=(row.p95_ms or np.nan) / users, ratio=row.ratio
    )


def _bar(rows: list[Row], rival: str, limit: float) -> Any:
    ratio = next(row.ratio for row in rows if row.name == rival)
    return bar(f"EchoTune / {rival}", ratio or np.nan, "<=", limit)


def _blas(found: dict[str, Any]) -> str:
    if found["user_api"] != "blas":
        return ""
    return f"{found['internal_api']} {found['version']} {found['architecture']}"
