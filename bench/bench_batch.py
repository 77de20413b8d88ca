"""Concurrent misses scored one after another, by bounds, or together, by one matrix product.

100,000 tracks whose norms fall off as popularity does, two sets of factors as a fit chooses them,
one table by artist and what is trending. Together means: both products of all queries at once (BLAS
on one thread), the rest added, the best 60 of each selected. The rows must be the same.
"""

from functools import partial

import numpy as np
from msgspec import structs
from threadpoolctl import threadpool_limits

from bench.harness import Outcome, compare
from core.arrays import F32, I32
from core.coding import Coding
from core.embedding import Embedding
from core.sums import Flat, Product, Sum, Table, best_of
from core.topk import topk

DIMENSIONS = (64, 128)
K = 60
SIZES = (1, 2, 4, 8, 16, 32)


def batch(*, quick: bool) -> Outcome:
    """Milliseconds for all lists of a batch; `ratio` is one after another / together."""
    n, runs = (5_000, 3) if quick else (100_000, 15)
    world = World(n, np.random.default_rng(0))
    rows = []
    with threadpool_limits(1):
        for size in SIZES[:3] if quick else SIZES:
            asked = [world.ask() for _ in range(size)]
            found = compare(
                {
                    "by bounds": partial(_one_by_one, asked),
                    "by a product": partial(world.together, asked),
                },
                runs=runs,
                agree=_same,
            )
            rows += [structs.replace(row, name=f"{size} at once, {row.name}") for row in found]
    return Outcome(rows=rows, params={"tracks": n, "k": K})


BENCHES = {"batch": batch}


class World:
    """Tracks, and listeners to ask for them."""

    def __init__(self, n: int, rng: np.random.Generator) -> None:
        self._rng, weights = rng, (np.arange(n) + 1.0) ** -0.6
        rng.shuffle(weights)
        self._trend = (weights / weights.std()).astype(np.float32)
        self._embeddings = [
            Embedding((rng.standard_normal((n, d)) * weights[:, None]).astype(np.float32))
            for d in DIMENSIONS
        ]
        self._artists = Coding(rng.integers(0, n // 10, n).astype(np.int32), n // 10 + 1)
        self._features = np.empty((n, 0), np.float32)

    def ask(self) -> Sum:
        """The score of one listener, who has played 15 artists."""
        table = np.zeros(self._artists.size, np.float32)
        table[self._rng.integers(0, table.size - 1, 15)] = self._rng.random(15) * 3
        return Sum(
            n=self._artists.n,
            features=self._features,
            flats=[Flat(self._trend, 0.1)],
            tables=[Table(table, self._artists)],
            products=[
                Product(one, self._rng.standard_normal(one.d).astype(np.float32), 0.0)
                for one in self._embeddings
            ],
        )

    def together(self, asked: list[Sum]) -> list[I32]:
        """The best rows of each, by one product for all."""
        scores: F32 = np.zeros((len(asked), self._artists.n), np.float32)
        for place, embedding in enumerate(self._embeddings):
            queries = np.stack([one.products[place].query for one in asked])
            scores += queries @ embedding.values.T
        scores += np.float32(0.1) * self._trend
        for place, one in enumerate(asked):
            scores[place] += one.tables[0].values[self._artists.codes]
        return [topk(row, K)[0] for row in scores]


def _one_by_one(asked: list[Sum]) -> list[I32]:
    return [best_of(one, K)[0] for one in asked]


def _same(ours: list[I32], theirs: list[I32]) -> None:
    for one, other in zip(ours, theirs, strict=True):
        # Sums of 192 products in another order: neighbours on a list may change places.
        assert len(set(one.tolist()) & set(other.tolist())) >= K - 1  # noqa: S101 - answers first
