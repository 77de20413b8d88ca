"""Time things that must give the same answer, print them side by side, save what was printed.

A bench is a function that takes `quick` and returns an `Outcome`: its parameters, one `Row` per
thing measured and the `Bar`s it must hold. A module `bench/bench_*.py`, or `bench/quality.py`,
registers its benches by name; names are permanent, since files and readers refer to them:

    BENCHES = {"topk": topk, "topk-hostile": topk_hostile}

`run` adds the machine, prints the table and writes bench/results/NAME.json.
"""

import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import Any, Literal, Protocol

import msgspec
import numpy as np

RESULTS = Path(__file__).parent / "results"


class Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One contender. `ratio` is ours / theirs in time: below 1, ours is faster."""

    name: str
    median_ms: float | None = None
    p95_ms: float | None = None
    ratio: float | None = None
    values: dict[str, float | int | str] = {}


class Bar(msgspec.Struct, frozen=True):
    """A limit that must hold; make one with `bar`."""

    name: str
    value: float
    op: Literal["<=", ">="]
    limit: float
    holds: bool


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one bench found."""

    rows: list[Row]
    bars: list[Bar] = []
    params: dict[str, float | int | str] = {}


class Machine(msgspec.Struct, frozen=True):
    """What the figures depend on; never a host name or a path."""

    cpu: str
    cores: int
    python: str
    blas: str


class Record(msgspec.Struct, frozen=True):
    """The JSON of one run, in the order in which people read it."""

    bench: str
    quick: bool
    params: dict[str, float | int | str]
    machine: Machine
    rows: list[Row]
    bars: list[Bar]


class Bench(Protocol):
    """Measure; `quick` asks for a run of seconds that shows that the bench works."""

    def __call__(self, *, quick: bool) -> Outcome: ...


def bar(name: str, value: float, op: Literal["<=", ">="], limit: float) -> Bar:
    """Judge `value`; NaN never holds."""
    holds = value <= limit if op == "<=" else value >= limit
    return Bar(name, float(value), op, float(limit), bool(holds))


def same_answer(theirs: Any, ours: Any) -> None:
    """Raise AssertionError unless both are the same numbers up to float32 rounding."""
    if isinstance(ours, tuple):
        if not isinstance(theirs, tuple) or len(theirs) != len(ours):
            raise AssertionError(f"expected a tuple of {len(ours)}, got {theirs!r}")
        for their_part, our_part in zip(theirs, ours, strict=True):
            same_answer(their_part, our_part)
    else:
        np.testing.assert_allclose(theirs, ours, rtol=1e-5, atol=1e-6)


def compare(
    contenders: Mapping[str, Callable[[], Any]],
    *,
    runs: int = 30,
    agree: Callable[[Any, Any], None] = same_answer,
) -> list[Row]:
    """Time each callable `runs` times. The first is ours: all must agree with it.

    Every contender is called once before the clock starts, which also compiles kernels.

    Args:
        contenders: name to call; one call is one sample, so make it last longer than 10 µs.
        runs: samples of each, at least 2.
        agree: called as `agree(theirs, ours)`; raises when the answers differ.
    """
    answers = {name: call() for name, call in contenders.items()}
    ours, *others = answers
    for name in others:
        try:
            agree(answers[name], answers[ours])
        except AssertionError as error:
            raise AssertionError(f"{name} disagrees with {ours}: {error}") from error
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(runs):
        for name, call in contenders.items():  # round-robin: a noisy second hits all alike
            start = perf_counter()
            call()
            times[name].append((perf_counter() - start) * 1e3)
    our_median = median(times[ours])
    return [
        Row(
            name=name,
            median_ms=median(spent),
            p95_ms=p95(spent),
            ratio=None if name == ours else our_median / median(spent),
        )
        for name, spent in times.items()
    ]


def p95(samples: Sequence[float]) -> float:
    """The value that 95 % of at least two samples do not exceed, interpolated between samples."""
    return quantiles(samples, n=20, method="inclusive")[-1]


def datasets() -> Path:
    """The folder with real data; a bench that needs it stops here without."""
    folder = os.environ.get("DATASETS_DIR")
    if not folder:
        sys.exit("bench: DATASETS_DIR is not set: this bench measures on real data")
    return Path(folder)


def run(name: str, bench: Bench, *, quick: bool, json: Path | None, results: Path = RESULTS) -> int:
    """Measure, print and save; the exit code is 1 when a bar fails.

    A quick run judges nothing and writes no result; `json` is written whenever it is given.
    """
    found = bench(quick=quick)
    record = Record(name, quick, found.params, this_machine(), found.rows, found.bars)
    print(table(record))
    encoded = msgspec.json.format(msgspec.json.encode(record)) + b"\n"
    if not quick:
        results.mkdir(parents=True, exist_ok=True)
        (results / f"{name}.json").write_bytes(encoded)
    if json is not None:
        json.write_bytes(encoded)
    return int(not quick and not all(each.holds for each in found.bars))


def this_machine() -> Machine:
    """Describe where the figures come from."""
    return Machine(_cpu(), os.cpu_count() or 1, platform.python_version(), _blas())


def table(record: Record) -> str:
    """The record as people read it: what was measured where, rows side by side, then bars."""
    params = " ".join(f"{name}={value}" for name, value in record.params.items())
    machine = record.machine
    lines = [
        f"{record.bench}{' (quick)' if record.quick else ''} {params}".rstrip(),
        f"{machine.cpu}, {machine.cores} cores, Python {machine.python}, {machine.blas}",
        "",
        *_columns(record.rows),
    ]
    if record.bars:
        lines.append("")
    for each in record.bars:
        verdict = "not judged" if record.quick else "holds" if each.holds else "FAILS"
        lines.append(f"{each.name}: {each.value:.4g} {each.op} {each.limit:.4g}  {verdict}")
    return "\n".join(lines)


def _columns(rows: Sequence[Row]) -> list[str]:
    fixed = {"median_ms": "median ms", "p95_ms": "p95 ms", "ratio": "ours/theirs"}
    shown = [name for name in fixed if any(getattr(row, name) is not None for row in rows)]
    extra = list(dict.fromkeys(name for row in rows for name in row.values))
    cells = [["", *(fixed[name] for name in shown), *extra]]
    for row in rows:
        numbers = [getattr(row, name) for name in shown]
        cells.append([row.name, *map(_cell, numbers), *(_cell(row.values.get(n)) for n in extra)])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]


def _cell(value: float | str | None) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or platform.machine())


def _blas() -> str:
    from threadpoolctl import threadpool_info

    loaded = [found for found in threadpool_info() if found["user_api"] == "blas"]
    loaded.sort(key=lambda found: "numpy" not in found["filepath"])  # others bring BLAS, too
    if not loaded:
        return "no BLAS"
    used = loaded[0]
    kind = f"{used['internal_api']} {used['version']} {used.get('architecture', '')}"
    return f"{kind.strip()}, {used['num_threads']} threads"
