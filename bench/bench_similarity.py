"""Tracks near a track: weighted L1 over six features, one core, against faiss and NumPy.

Every contender has one thread. A catalogue is prepared outside the clock for each of them: ours is
`Quantised`, faiss gets features times weights in rows (its L1 has no weights), NumPy the float32
features. A sample is a whole call, from target and weights to sorted rows and scores. Ours must
equal the plain twin to the bit; faiss and NumPy add in another order, so their scores must agree to
2e-6. The rows "xor" are no contender: they read the bytes and do nothing.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from bench.faiss_filter import among
from bench.harness import RESULTS, Outcome, Row, bar, compare
from bench.picture import times
from core import reference
from core.quantised import Quantised
from core.similarity import similar, similar_batch

F32 = NDArray[np.float32]
Contenders = dict[str, Callable[[], Any]]
WEIGHTS = np.array([0.2, 0.25, 0.2, 0.15, 0.1, 0.1], np.float32)
K, BATCH = 50, 64


def similarity(*, quick: bool) -> Outcome:
    """Exact top 50 of 1M tracks by six weighted features, friendly and hostile inputs."""
    n, runs = (50_000, 3) if quick else (1_000_000, 31)
    rng = np.random.default_rng(0)
    features, target = rng.random((6, n), np.float32), rng.random(6, np.float32)
    with threadpool_limits(1):
        faiss.omp_set_num_threads(1)
        rows = _friendly(features, target, runs)
        rows += _prepared(features)
        bars = [
            _bar(rows, "faiss IndexFlat L1", 0.08),
            _bar(rows, "NumPy", 0.02),
            _bar(rows, "xor of 6 bytes a row", 6),
        ]
        lacking = features.copy()
        lacking[rng.random(features.shape) < 0.1] = np.nan
        rows += _missing(features, lacking, target, runs)
        bars.append(_bar(rows, "none missing", 2))
        for name, (found, options) in _hostile(features, target, rng).items():
            rows += _against_faiss(name, found, target, options, max(3, runs // 6))
        rows += _batch(features, rng.random((BATCH, 6), np.float32), max(3, runs // 6))
    if not quick:
        title = f"Best {K} of {n:,} tracks by six weighted features, one core"
        times(rows, RESULTS / "similarity.png", title)
    return Outcome(
        rows=rows, bars=bars, params={"n": n, "d": 6, "k": K, "runs": runs, "threads": 1}
    )


BENCHES = {"similarity": similarity}


def _friendly(features: F32, target: F32, runs: int) -> list[Row]:
    catalogue = Quantised(features)
    n = features.shape[1] // 64 * 64
    codes = np.round(features[:, :n] * 255).astype(np.uint8).ravel().view(np.uint64)
    tiles = catalogue.tiles.view(np.uint64)
    contenders: Contenders = {
        "EchoTune": partial(similar, catalogue, target, WEIGHTS, K),
        "faiss IndexFlat L1": _faiss(features, target, K),
        "NumPy": lambda: _numpy(features, target),
        "EchoTune, float32 only": partial(similar, features, target, WEIGHTS, K),
        "xor of 6 bytes a row": lambda: np.bitwise_xor.reduce(codes),
        "xor of our bytes": lambda: np.bitwise_xor.reduce(tiles),
    }
    _check(contenders["EchoTune"](), reference.similar(features, target, WEIGHTS, K))
    return compare(contenders, runs=runs, agree=_agree)


def _prepared(features: F32) -> list[Row]:
    """What the clock does not see elsewhere: done once for many questions."""
    contenders: Contenders = {
        "EchoTune, prepared": lambda: Quantised(features),
        "faiss, prepared": lambda: _index(features),
    }
    return compare(contenders, runs=3, agree=lambda _theirs, _ours: None)


def _missing(features: F32, lacking: F32, target: F32, runs: int) -> list[Row]:
    contenders: Contenders = {
        "EchoTune, 10 % missing": partial(similar, Quantised(lacking), target, WEIGHTS, K),
        "none missing": partial(similar, Quantised(features), target, WEIGHTS, K),
    }
    first = next(iter(contenders.values()))
    _check(first(), reference.similar(lacking, target, WEIGHTS, K))
    return compare(contenders, runs=runs, agree=lambda _theirs, _ours: None)


def _hostile(features: F32, target: F32, rng: np.random.Generator) -> dict[str, Any]:
    n = features.shape[1]
    order = np.argsort(-(WEIGHTS @ np.abs(features - target[:, None])), kind="stable")
    centres = features[:, :1000][:, rng.integers(0, 1000, n)]
    noise = rng.random(features.shape, np.float32) / 500
    return {
        "ascending": (np.ascontiguousarray(features[:, order]), {}),
        "all equal": (np.full_like(features, 0.3), {}),
        "clustered": (np.clip(centres + noise, 0, 1), {}),
        "k = n": (features, {"k": n}),
        "1 % eligible": (features, {"eligible": rng.random(n) < 0.01}),
        "all excluded": (features, {"eligible": np.zeros(n, np.bool_)}),
        "with prices": (features, {"bias": -rng.random(n, np.float32) / 4}),
    }


def _against_faiss(
    name: str, features: F32, target: F32, options: dict[str, Any], runs: int
) -> list[Row]:
    asked = {"k": K} | options
    ours = partial(similar, Quantised(features), target, WEIGHTS, **asked)
    _check(ours(), similar(features, target, WEIGHTS, **asked))  # the kernel tests hold to the twin
    contenders: Contenders = {f"EchoTune, {name}": ours}
    if "bias" not in options:  # faiss has none
        contenders[f"faiss, {name}"] = _faiss(features, target, asked["k"], asked.get("eligible"))
    return compare(contenders, runs=runs, agree=_agree)


def _batch(features: F32, targets: F32, runs: int) -> list[Row]:
    catalogue, weights = Quantised(features), np.tile(WEIGHTS, (len(targets), 1))
    index, asked = _index(features), targets * WEIGHTS
    contenders: Contenders = {
        f"EchoTune, {BATCH} targets": partial(similar_batch, catalogue, targets, weights, K),
        f"faiss, {BATCH} targets": lambda: index.search(asked, K),
    }

    def agree(theirs: Any, ours: Any) -> None:
        for near, (_, scores) in zip(theirs[0], ours, strict=True):
            np.testing.assert_allclose(1 - near, scores, atol=2e-6)

    return compare(contenders, runs=runs, agree=agree)


def _faiss(
    features: F32, target: F32, k: int, eligible: NDArray[np.bool_] | None = None
) -> Callable[[], Any]:
    index, asked, params = _index(features), (target * WEIGHTS)[None], among(eligible)
    return lambda: index.search(asked, k, params=params)


def _index(features: F32) -> Any:
    index = faiss.IndexFlat(6, faiss.METRIC_L1)
    index.add(np.ascontiguousarray((features * WEIGHTS[:, None]).T))
    return index


def _numpy(features: F32, target: F32) -> tuple[NDArray[np.intp], F32]:
    scores = 1 - WEIGHTS @ np.abs(features - target[:, None]) / WEIGHTS.sum()
    rows = np.argpartition(-scores, K)[:K]
    rows = rows[np.lexsort((rows, -scores[rows]))]
    return rows, scores[rows]


def _check(ours: Any, expected: Any) -> None:
    for mine, wanted in zip(ours, expected, strict=True):
        np.testing.assert_array_equal(mine, wanted, strict=True)


def _agree(theirs: Any, ours: Any) -> None:
    if isinstance(theirs, np.uint64):
        return  # a reading of memory has no answer
    if theirs[0].ndim == 2:  # of faiss: distances, padded where too few are eligible
        found = theirs[0][0][theirs[1][0] >= 0]
        np.testing.assert_allclose(1 - found, ours[1], atol=2e-6)
    else:
        np.testing.assert_allclose(theirs[1], ours[1], atol=2e-6)


def _bar(rows: list[Row], rival: str, limit: float) -> Any:
    ratio = next(row.ratio for row in rows if row.name == rival)
    return bar(f"EchoTune / {rival}", ratio or np.nan, "<=", limit)
