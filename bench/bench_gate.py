"""What the quality gate lets through: newer models, and spoiled ones.

Protocol K's pairs come in a random order that stands for time. A champion was fitted on the oldest,
a candidate on all of them.
"""

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from bench.harness import Outcome, Row, bar, datasets
from core.warmup import warm
from service.doors.datasets import PROTOCOLS
from service.learn.gate import MOST_LOSS
from service.learn.interactions import Interactions
from service.learn.training import fit_model
from service.model.catalogue import Catalogue
from service.model.version import Model

AGES = (0.02, 0.4)
"""Shares of the pairs that the champion has not seen."""
SPOILED = (0.05, 0.2)
"""Shares of the older pairs whose track is drawn by lot, as after an import with wrong ids. No bar:
what everybody's own history has become is the exam as well, and such a model passes."""
SEEDS = 3
USUAL = 0.05
MOST_REFUSED = 0


class World:
    """The pairs of protocol K in an order."""

    def __init__(self, catalogue: Catalogue, pairs: NDArray[np.int64], users: int) -> None:
        self.catalogue, self._pairs, self._users = catalogue, pairs, users

    def fit(
        self,
        seed: int,
        *,
        unseen: float = 0.0,
        spoiled: float = 0.0,
        champion: Model | None = None,
    ) -> Model:
        """A model of all but the newest share of the pairs, some of the older ones spoiled."""
        rng = np.random.default_rng(seed)
        many = len(self._pairs)
        pairs, times = self._pairs.copy(), rng.permutation(many).astype(np.float64)
        bad = (rng.random(many) < spoiled) & (times < (1 - USUAL) * many)
        pairs[bad, 1] = rng.integers(0, self.catalogue.size, int(bad.sum()))
        kept = times < (1 - unseen) * many
        pairs, first = np.unique(pairs[kept], axis=0, return_index=True)
        values = np.ones(len(pairs), np.float32)
        matrix = csr_array((values, pairs.T), shape=(self._users, self.catalogue.size))
        matrix.sort_indices()
        names = [f"u{user}" for user in range(self._users)]
        return fit_model(
            Interactions(names, matrix, times[kept][first]),
            self.catalogue,
            version="candidate" if champion else "champion",
            fitted_at=datetime.now(UTC),
            progress=lambda _share: None,
            champion=champion,
        )


def gate_bench(*, quick: bool) -> Outcome:
    """What a model loses with age on protocol K; whether good ones pass and spoiled ones do not."""
    protocol = PROTOCOLS["k"](datasets())
    warm()
    pairs = np.column_stack((protocol.final + protocol.test).nonzero()).astype(np.int64)
    world = World(protocol.catalogue, pairs, protocol.final.shape[0])
    ages, spoiled, seeds = (AGES[:1], SPOILED[-1:], 1) if quick else (AGES, SPOILED, SEEDS)
    aged = [
        _row(f"{age:.0%} of the pairs newer", world.fit(0, champion=world.fit(0, unseen=age)))
        for age in ages
    ]
    champions = [world.fit(seed, unseen=USUAL) for seed in range(seeds)]
    equal = [world.fit(seed, champion=champion) for seed, champion in enumerate(champions)]
    refused = sum(one.verdict is not None and not one.verdict.passed for one in equal)
    bad = {share: world.fit(0, spoiled=share, champion=champions[0]) for share in spoiled}
    return Outcome(
        rows=[
            *aged,
            *(_row(f"{USUAL:.0%} newer, order {seed}", one) for seed, one in enumerate(equal)),
            *(_row(f"{share:.0%} of the pairs spoiled", one) for share, one in bad.items()),
        ],
        bars=[
            bar(f"refused of {seeds} good models", refused, "<=", MOST_REFUSED),
        ],
        params={"pairs": len(pairs), "most_loss": MOST_LOSS, "newer": USUAL},
    )


BENCHES = {"gate": gate_bench}


def _row(name: str, model: Model) -> Row:
    verdict = model.verdict
    if verdict is None or "all" not in verdict.figures:
        raise AssertionError(f"{name}: nothing was compared")
    figure = verdict.figures["all"]
    return Row(
        name=name,
        values={
            "champion": figure.champion,
            "candidate": figure.candidate,
            "change": round(figure.candidate / figure.champion - 1, 4),
            "low": figure.low,
            "high": figure.high,
            "listeners": figure.listeners,
            "passed": "yes" if verdict.passed else "no",
        },
    )
