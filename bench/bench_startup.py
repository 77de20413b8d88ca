"""From nothing to compiled kernels: an empty cache, a filled one, and four processes at once.

Every figure is a fresh process from exec to exit of `python -m core.warmup`, interpreter and
imports included; the operating system has the files in memory.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

from bench import picture
from bench.harness import Outcome, Row, bar, p95

ROOT = Path(__file__).parents[1]
TOGETHER = 4


def startup_bench(*, quick: bool) -> Outcome:
    """Seconds until the kernels are ready from a cold cache and from a warm one."""
    with tempfile.TemporaryDirectory() as folder:
        cold = [_ready([Path(folder) / str(attempt)]) for attempt in range(1 if quick else 3)]
        filled = Path(folder) / "0"
        size = sum(path.stat().st_size for path in filled.rglob("*") if path.is_file())
        warm = [_ready([filled]) for _ in range(3 if quick else 15)]
        together = [_ready([filled] * TOGETHER) for _ in range(2 if quick else 5)]
    spent = {
        "cold cache": cold,
        "warm cache": warm,
        f"warm cache, {TOGETHER} processes at once": together,
    }
    if not quick:
        drawn = {name: {"EchoTune": median(seconds)} for name, seconds in spent.items()}
        picture.bars("startup", "Kernels ready, a fresh process", "seconds", drawn)
    return Outcome(
        rows=[
            Row(
                name=name,
                median_ms=median(seconds) * 1e3,
                p95_ms=p95(seconds) * 1e3 if len(seconds) > 1 else None,
            )
            for name, seconds in spent.items()
        ],
        bars=[
            bar("seconds to ready, cold cache, slowest", max(cold), "<=", 30),
            bar("seconds to ready, warm cache, p95", p95(warm), "<=", 3),
        ],
        params={"cache_mb": round(size / 1e6, 1), "cold_runs": len(cold), "warm_runs": len(warm)},
    )


BENCHES = {"startup": startup_bench}


def _ready(caches: list[Path]) -> float:
    """Seconds until one process per cache, all begun at once, has every kernel."""
    start = perf_counter()
    begun = [
        subprocess.Popen(
            [sys.executable, "-m", "core.warmup"],
            cwd=ROOT,
            env=os.environ | {"NUMBA_CACHE_DIR": str(cache)},
            stdout=subprocess.DEVNULL,
        )
        for cache in caches
    ]
    if any(process.wait() for process in begun):
        raise AssertionError("core.warmup failed")
    return perf_counter() - start
