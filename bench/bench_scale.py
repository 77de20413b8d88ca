"""How cost grows with the catalogue, against reading the same bytes in the same run.

The exponent b of time ~ n ** b is fitted by least squares on logarithms. Reading does not grow with
exponent 1 either, since small arrays lie in a cache; so each kernel is held against reading the
bytes it scans with `np.bitwise_xor.reduce`. A call has a fixed cost that flattens its line, so the
exponent between the two largest sizes is printed as well.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench import picture
from bench.harness import Outcome, Row, bar
from core import reference
from core.arrays import F32, I32
from core.factors import Factors
from core.mips import mips
from core.quantised import Quantised
from core.similarity import similar

K, FEATURES, DIMENSIONS = 50, 6, 64
SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000)
USERS = (1, 8)
READING = "reading the same bytes"
Answer = tuple[I32, F32]
Question = Callable[[int], Answer]


class Subject(NamedTuple):
    """What is asked: the bytes a scan reads, all bytes there are, and the question of one user."""

    scanned: NDArray[np.uint8]
    nbytes: int
    ask: Question


def similarity(n: int) -> Subject:
    """Best by weighted features; the scan reads bytes, the answer comes from float32."""
    features = _random((FEATURES, n))
    catalogue = Quantised(features)
    weights = np.ones(FEATURES, np.float32)

    def ask(user: int) -> Answer:
        return similar(catalogue, np.ascontiguousarray(features[:, user]), weights, K)

    return Subject(catalogue.tiles, features.nbytes + catalogue.tiles.nbytes, ask)


def inner_product(n: int) -> Subject:
    """Best by inner product with a user's factors."""
    values = _random((n, DIMENSIONS)) - np.float32(0.5)
    factors = Factors(values)
    return Subject(
        factors.tiles,
        values.nbytes + factors.tiles.nbytes,
        lambda user: mips(factors, values[user], K),
    )


KERNELS: Mapping[str, Callable[[int], Subject]] = {
    "similarity": similarity,
    "topk": inner_product,
}


def scale_bench(*, quick: bool) -> Outcome:
    """Time and peak memory over 10^4..10^7 tracks and 1 to 8 users; the exponents of both."""
    sizes = SIZES[:4] if quick else SIZES
    rows: list[Row] = []
    bars, lines = [], {}
    _check()
    for name, make in KERNELS.items():
        times, peaks = _sweep(make, sizes, 5 if quick else 25)
        for label, spent in times.items():
            lines[f"{name}: {label}"] = spent
            rows.append(_row(f"{name}, {label}", sizes, spent))
        read = _exponent(sizes, times[READING])
        for label, spent in times.items():
            if label != READING:
                growth = _exponent(sizes, spent)
                bars.append(bar(f"exponent of {name}, {label}", growth, "<=", read + 0.03))
        bars.append(bar(f"peak memory of {name}, times its arrays", peaks[-1], "<=", 1.3))
        rows.append(
            Row(
                name=f"{name}, peak memory / arrays",
                values={f"{n:.0e}": round(peak, 3) for n, peak in zip(sizes, peaks, strict=True)},
            )
        )
    if not quick:
        picture.growth("scale", f"Best {K}, one thread", sizes, lines, "milliseconds")
    return Outcome(
        rows=rows,
        bars=bars,
        params={"k": K, "features": FEATURES, "dimensions": DIMENSIONS, "threads": 1},
    )


BENCHES = {"scale": scale_bench}


def _check() -> None:
    """At a size where the plain twins are quick, the answers are the twins'."""
    features, weights = _random((FEATURES, 5_000)), np.ones(FEATURES, np.float32)
    _same(similarity(5_000).ask(3), reference.similar(features, features[:, 3], weights, K))
    values = _random((5_000, DIMENSIONS)) - np.float32(0.5)
    _same(inner_product(5_000).ask(3), reference.mips(values, values[3], K))


def _same(ours: Answer, theirs: Answer) -> None:
    for our_part, their_part in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(our_part, their_part)


def _random(shape: tuple[int, int]) -> F32:
    values = np.empty(shape, np.float32)
    np.random.default_rng(values.size).random(out=values, dtype=np.float32)
    return values


def _sweep(
    make: Callable[[int], Subject], sizes: tuple[int, ...], runs: int
) -> tuple[dict[str, list[float]], list[float]]:
    """Median milliseconds of each line per size, and peak memory over the arrays."""
    times: dict[str, list[float]] = {}
    peaks = []
    for n in sizes:
        found, peak = _at_size(make, n, runs)
        peaks.append(peak)
        for label, spent in found.items():
            times.setdefault(label, []).append(spent)
    return times, peaks


def _at_size(make: Callable[[int], Subject], n: int, runs: int) -> tuple[dict[str, float], float]:
    """Median milliseconds of each line, and peak memory of the calls over the arrays.

    Below about 30 MB the allocator hands out memory that it kept, so such peaks mean little.
    """
    before = _resident()
    subject = make(n)
    words = subject.scanned.view(np.uint64)
    contenders: dict[str, Callable[[], Any]] = {READING: partial(np.bitwise_xor.reduce, words)}
    for users in USERS:
        calls = [partial(subject.ask, user) for user in range(users)]
        contenders[f"{users} user{'s' * (users > 1)}"] = partial(_all, calls)
    _forget_peak()
    found = _rounds(contenders, runs, n)
    return found, (_peak() - before) / subject.nbytes


def _all(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    return [call() for call in calls]


def _rounds(contenders: Mapping[str, Callable[[], Any]], runs: int, n: int) -> dict[str, float]:
    """Round-robin medians; a sample of a small size is the mean of many calls."""
    repeat = max(1, 300_000 // n)
    spent: dict[str, list[float]] = {name: [] for name in contenders}
    for call in contenders.values():
        call()
    for _ in range(runs):
        for name, call in contenders.items():
            start = perf_counter()
            for _ in range(repeat):
                call()
            spent[name].append((perf_counter() - start) * 1e3 / repeat)
    return {name: median(samples) for name, samples in spent.items()}


def _row(name: str, sizes: tuple[int, ...], spent: list[float]) -> Row:
    values: dict[str, float | int | str] = {
        f"{n:.0e}": round(value, 4) for n, value in zip(sizes, spent, strict=True)
    }
    values["exponent"] = round(_exponent(sizes, spent), 3)
    values["last two"] = round(_exponent(sizes[-2:], spent[-2:]), 3)
    return Row(name=f"{name}, ms", values=values)


def _exponent(sizes: tuple[int, ...], spent: list[float]) -> float:
    return float(np.polyfit(np.log(sizes), np.log(spent), 1)[0])


def _resident() -> int:
    return _status("VmRSS")


def _peak() -> int:
    return _status("VmHWM")


def _forget_peak() -> None:
    """Linux only: the high-water mark of this process starts again from where it is."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    kilobytes = next(line.split()[1] for line in lines if line.startswith(field))
    return int(kilobytes) * 1024
