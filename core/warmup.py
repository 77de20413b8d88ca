"""Compile every kernel before the first request needs it.

`python -m core.warmup` is the one writer of the disk cache (docs: `core.kernel`). An empty cache is
filled by two processes, each with a folder of its own, which are put together when both are done:
36 s became 26 on two cores.
"""

import os
import pkgutil
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from time import perf_counter

import numpy as np
from numba.core.dispatcher import Dispatcher
from scipy.sparse import csr_array

import core
from core import als, sgd
from core.arrays import F32
from core.blend import add, counted_moments, moments, padded_moments, standardise
from core.coding import Coding
from core.communities import communities
from core.ease import ease
from core.embedding import Embedding
from core.evaluation import Truth, recall
from core.exposure import fit_prices
from core.factors import Factors
from core.flow import flow
from core.linear import contributions, fit, score
from core.mips import ArtistCap, mips
from core.neighbours import ByTrack, cosine
from core.ordering import distinct, space
from core.quantised import Quantised
from core.recent import Recent
from core.similarity import similar, similar_batch, similarities
from core.sums import Flat, Nearness, Product, Sum, Table, best_of
from core.topk import topk


def warm() -> None:
    """Call every public kernel once on tiny arrays of the dtypes production uses."""
    for part in PARTS:
        part()


def _search() -> None:
    """What finds and orders tracks; about half of the compiling."""
    ones, rows = np.ones(3, np.float32), np.arange(3, dtype=np.int32)
    square = np.ones((3, 3), np.float32)
    topk(ones, 2)
    similarities(square, ones, ones)
    similar(square, ones, ones, 2)
    similar_batch(Quantised(square), square, square, 2)
    mips(Factors(square), ones, 2, artist_cap=ArtistCap(rows, 1))


def _learning() -> None:
    """What fits and judges, and the rest of serving."""
    ones, rows = np.ones(3, np.float32), np.arange(3, dtype=np.int32)
    square, offsets = np.ones((3, 3), np.float32), np.arange(4, dtype=np.int64)
    standardise(ones)
    moments(ones)
    padded_moments(ones, 4)
    counted_moments(ones, np.ones(3, np.int64))
    add(ones, 1.0, np.ones(3, np.float32), mean=0.0, deviation=1.0)
    best_of(_summed(square), 2, allowed=ones > 0, prices=ones, share=1.0)
    Embedding(square).products(ones, rows)
    Embedding(square).moments(ones)
    topk(ones, 2, prices=ones, charge=1.0)
    fit_prices(square, k=2, target=np.ones(3), rounds=1)
    ease(csr_array(square), l2=1.0)  # inverts by track,
    ease(csr_array(square[:2]), l2=1.0)  # and by user
    weights = fit(csr_array(square), l2=1.0, popularity_exponent=0.0, neighbours=2)
    score(weights, rows, ones)
    contributions(weights, rows, ones, rows)
    cosine(ByTrack(offsets, rows, ones), ones, rows, ones)
    communities(csr_array(square), 2)
    als.fit(csr_array(square), dimensions=2, rng=np.random.default_rng(0), iterations=1)
    als.fold_in(square, square, rows, ones)
    factors = sgd.start(3, 3, 2, rng=np.random.default_rng(0))
    sgd.learn(factors, rows, rows, ones)
    sgd.predict(factors, rows, rows)
    Recent(2).add(np.arange(3, dtype=np.uint64), np.zeros(3, np.uint64))
    space(rows, 2, gap=1, cap=1)
    distinct(rows)
    flow(square, rows, reach=1, gap=1)
    recall(rows[:, None], Truth(offsets, rows))


def _summed(square: F32) -> Sum:
    """A sum with one part of every kind."""
    ones, codes = square[0], np.zeros(len(square), np.int32)
    return Sum(
        n=len(square),
        features=square,
        flats=[Flat(ones)],
        flags=ones > 0,
        tables=[Table(ones, Coding(codes, 3))],
        nearnesses=[Nearness(ones, ones, 1.0, 0.0)],
        products=[Product(Embedding(square), ones, 0.0)],
    )


PARTS = (_search, _learning)


def fill(cache: Path) -> None:
    """Compile every part at once, in a process and a folder each, and leave what they wrote.

    What two parts needed differently is left out of one; `warm` adds it. A part that fails leaves
    everything to `warm`, which fails where it can be seen.
    """
    folders = [cache / f".part{number}" for number in range(len(PARTS))]
    begun = [
        subprocess.Popen(  # noqa: S603  # ourselves
            [sys.executable, "-m", "core.warmup", str(number)],
            cwd=Path(__file__).parents[1],
            env=os.environ | {"NUMBA_CACHE_DIR": str(folder)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for number, folder in enumerate(folders)
    ]
    for process, folder in zip(begun, folders, strict=True):
        if process.wait() == 0:
            put_together(folder, cache)
        shutil.rmtree(folder, ignore_errors=True)


def put_together(part: Path, cache: Path) -> None:
    """Move the kernels of one folder into another; a kernel that is there already stays.

    Files of one kernel stay together: an index names its data files by number.
    """
    for index in sorted(part.rglob("*.nbi")):
        home = cache / index.parent.relative_to(part)
        if (home / index.name).exists():
            continue
        home.mkdir(parents=True, exist_ok=True)
        for data in index.parent.iterdir():
            if data.suffix == ".nbc" and data.name.startswith(f"{index.stem}."):
                data.rename(home / data.name)
        index.rename(home / index.name)


def kernels() -> dict[str, Dispatcher]:
    """Return every compiled function of core by its full name."""
    modules = [import_module(f"core.{found.name}") for found in pkgutil.iter_modules(core.__path__)]
    return {
        f"{value.py_func.__module__}.{value.py_func.__name__}": value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, Dispatcher)
    }


def said_missing() -> int:
    """Name the kernels that this process had to compile; 1 if there are any."""
    missing = [name for name, kernel in kernels().items() if kernel.stats.cache_misses]
    for name in missing:
        print(f"not in the cache: {name}", file=sys.stderr)  # noqa: T201  # the command's answer
    return int(bool(missing))


def main() -> None:
    """Compile, and say in one line how long it took; with a number, one part of it.

    With `--cached` nothing may be left to compile: exit 1 when a kernel was not in the cache.
    """
    start = perf_counter()
    if sys.argv[1:] == ["--cached"]:
        warm()
        sys.exit(said_missing())
    if len(sys.argv) > 1:
        PARTS[int(sys.argv[1])]()
        return
    cache = os.environ.get("NUMBA_CACHE_DIR")
    if cache and (os.cpu_count() or 1) > 1 and not any(Path(cache).rglob("*.nbi")):
        fill(Path(cache))
    warm()
    spent = perf_counter() - start
    print(f"compiled {len(kernels())} kernels in {spent:.1f} s")  # noqa: T201  # the command's answer


if __name__ == "__main__":
    main()
