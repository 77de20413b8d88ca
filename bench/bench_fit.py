"""How long a whole fit takes and how much memory: choosing, judging and learning from everything.

Each fit runs in a process of its own, so that its peak is its own.
"""

import os
import resource
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import msgspec
import numpy as np
from scipy.sparse import csr_array

from bench.harness import Outcome, Row, bar, datasets
from bench.listens import listens
from core.warmup import warm
from service.domain import Track
from service.doors.datasets import PROTOCOLS
from service.learn.interactions import Interactions
from service.learn.recipe import MOST_TRACKS
from service.learn.training import fit_model
from service.model.catalogue import Catalogue, empty_catalogue

GIB = 2**30
LIMITS_S = {"k": 30, "n": 60}
LIMIT_GIB = 16
BIG = "1M listens, 100k tracks"
QUICK = "20k listens, 2k tracks"
SIZES = {BIG: (20_000, 100_000, 1_000_000), QUICK: (1_000, 2_000, 20_000)}
TRACKS_PER_ARTIST = 10


class Spent(msgspec.Struct, frozen=True):
    """What one fit took."""

    seconds: float
    peak_gib: float
    listens: int
    tracks: int
    users: int


def fit_bench(*, quick: bool) -> Outcome:
    """Seconds and peak memory of a fit: protocols K and N, and 1M listens of 100k tracks."""
    worlds = [QUICK] if quick else ["k", "n", BIG]
    if not quick:
        datasets()
    spent = {world: _apart(world) for world in worlds}
    bars = [
        bar(f"fit of protocol {world.upper()}, seconds", spent[world].seconds, "<=", limit)
        for world, limit in LIMITS_S.items()
        if world in spent
    ]
    if BIG in spent:
        bars.append(bar(f"peak of {BIG}, GiB", spent[BIG].peak_gib, "<=", LIMIT_GIB))
    rows = [Row(name=world, values=msgspec.structs.asdict(one)) for world, one in spent.items()]
    return Outcome(rows=rows, bars=bars, params={"most_tracks_with_a_column": MOST_TRACKS})


BENCHES = {"fit": fit_bench}


def _apart(world: str) -> Spent:
    command = [sys.executable, "-m", "bench.bench_fit", world]
    found = subprocess.run(command, check=True, capture_output=True)  # noqa: S603  # our own module
    return msgspec.json.decode(found.stdout, type=Spent)


def _spend(world: str) -> Spent:
    matrix, catalogue = _generated(world) if world in SIZES else _public(world)
    warm()
    interactions = Interactions([f"u{user}" for user in range(matrix.shape[0])], matrix)
    start = perf_counter()
    fit_model(
        interactions,
        catalogue,
        version="bench",
        fitted_at=datetime.now(UTC),
        progress=lambda _share: None,
    )
    seconds = perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Spent(
        seconds=round(seconds, 1),
        peak_gib=round(peak / GIB, 2),
        listens=matrix.nnz,
        tracks=catalogue.size,
        users=matrix.shape[0],
    )


def _generated(world: str) -> tuple[csr_array, Catalogue]:
    matrix = listens(*SIZES[world])
    np.minimum(matrix.data, 1, out=matrix.data)
    catalogue = empty_catalogue().with_tracks(
        [
            Track(id=f"t{row}", title=f"Song {row}", artist=f"Artist {row // TRACKS_PER_ARTIST}")
            for row in range(matrix.shape[1])
        ]
    )
    return matrix, catalogue


def _public(world: str) -> tuple[csr_array, Catalogue]:
    protocol = PROTOCOLS[world](Path(os.environ["DATASETS_DIR"]))
    return protocol.final, protocol.catalogue


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(_spend(sys.argv[1])))
