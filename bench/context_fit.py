"""Fit what an activity or a mood sounds like on one half of its playlists."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from bench.playlists import Playlist, Playlists, halves, others
from core.similarity import similarities
from service.domain import FEATURES
from service.recommend.context import Targets

STEP = 0.05  # between targets tried
WEIGHTS = (0.0, 1.0, 2.0, 3.0)
WORTH = 0.01  # of AUC, before another feature is taken in: fewer features fit less noise
MOST = 4  # features of a table
ROUNDS = 3
SAMPLE = 3_000  # other tracks that each playlist is told from while fitting

F32 = NDArray[np.float32]


def scores(features: F32, table: Targets) -> F32:
    """The context score of every track by a table alone."""
    target, weights = np.zeros(len(FEATURES), np.float32), np.zeros(len(FEATURES), np.float32)
    for name, (wanted, weight) in table.items():
        target[FEATURES.index(name)], weights[FEATURES.index(name)] = wanted, weight
    return similarities(features, target, weights)


def auc(positive: F32, negative: F32) -> float:
    """Chance that a track of the playlist scores above one of the others; ties count half."""
    ranks = rankdata(np.concatenate([positive, negative]))[: len(positive)]
    n, m = len(positive), len(negative)
    return float((ranks.sum() - n * (n + 1) / 2) / (n * m))


def aucs(
    playlists: Playlists, label: str, judged: Sequence[Playlist], table: Targets, *, within: bool
) -> list[float]:
    """AUC of every playlist against other tracks; `within` its genre or of all genres."""
    of_all = scores(playlists.catalogue.features, table)
    return [
        auc(
            of_all[one.rows],
            of_all[others(playlists, label, one.genre if within else None)],
        )
        for one in judged
    ]


def fit(playlists: Playlists, label: str) -> dict[str, tuple[float, float]]:
    """Targets and weights with the best mean AUC on the fitting half, within genre and overall.

    One feature at a time, from nothing; another feature must gain 0.01, at most four. `{}`
    when none does.
    """
    fitting, _ = halves(playlists, label)
    sets = []
    features = playlists.catalogue.features
    for one in fitting:
        for genre in (one.genre, None):
            rest = others(playlists, label, genre)
            some = rest[:: max(1, len(rest) // SAMPLE)]
            sets.append(tuple(np.ascontiguousarray(features[:, rows]) for rows in (one.rows, some)))

    def worth(table: Targets) -> float:
        return float(
            np.mean([auc(scores(mine, table), scores(rest, table)) for mine, rest in sets])
        )

    table: dict[str, tuple[float, float]] = {}
    best = 0.5
    for _ in range(ROUNDS):
        before = best
        for name in FEATURES:
            others_of_table = {key: value for key, value in table.items() if key != name}
            tried = [
                others_of_table | {name: (round(float(target), 2), weight)}
                for target in np.arange(0, 1 + STEP / 2, STEP)
                for weight in WEIGHTS[1:]
                if (others_of_table or weight == 1) and len(others_of_table) < MOST
            ]
            if others_of_table and name in table:
                tried.append(others_of_table)
            if not tried:
                continue
            values = [worth(one) for one in tried]
            top = int(np.argmax(values))
            gain = WORTH if len(tried[top]) > len(table) else 0.001
            if values[top] > best + gain:
                table, best = tried[top], values[top]
        if best == before:
            break
    return table
