"""The weights of `service.doors.identity.likeness`: `python -m bench.identity_fit` prints them.

Artists can also be judged by weights that never saw them.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from bench.aliases import Pairs, called, read
from bench.harness import datasets
from service.doors.identity import likeness
from service.doors.identity.artists import Artists, Found
from service.doors.identity.names import artist_key

FITTED = 3_000
"""Names of the dirty world that are fitted with; others are judged."""
FOREIGN = 0.1
"""Weight of candidates of a name that the catalogue lacks: some are right, and nobody said so."""
RIDGE = 0.5
STEPS = 30
FOLDS = 5
Rows = list[tuple[tuple[float, ...], bool, float]]


def rows_of(artists: Artists, pairs: Pairs, foreign: Iterable[str]) -> Rows:
    """Marks, whether it is the artist that is meant, and weight, of each candidate."""
    aliases = [
        (one.seen, one.key == artist_key(right), 1.0)
        for wrong, right in pairs
        for one in artists.candidates(wrong)
    ]
    others = [(one.seen, False, FOREIGN) for name in foreign for one in artists.candidates(name)]
    return aliases + others


def fit(rows: Rows) -> tuple[float, ...]:
    """Logistic regression by Newton's method, the constant first and not held small."""
    marks = np.array([(1.0, *seen) for seen, _, _ in rows])
    meant = np.array([float(right) for _, right, _ in rows])
    weight = np.array([one for _, _, one in rows])
    held = np.diag([1e-6] + [RIDGE] * (marks.shape[1] - 1))
    found: NDArray[np.float64] = np.zeros(marks.shape[1])
    for _ in range(STEPS):
        likely = 1 / (1 + np.exp(-marks @ found))
        slope = marks.T @ (weight * (meant - likely)) - held @ found
        curve = (marks * (weight * likely * (1 - likely))[:, None]).T @ marks + held
        found += np.linalg.solve(curve, slope)
    return tuple(np.round(found, 2).tolist())


def unseen(artists: Artists, pairs: Pairs, foreign: Sequence[str]) -> list[Found | None]:
    """The answer for each pair by weights that were fitted without any name of its artist."""
    keys = [artist_key(right) for _, right in pairs]
    order = np.random.default_rng(0).permutation(sorted(set(keys)))
    fold = {str(key): place % FOLDS for place, key in enumerate(order)}
    shipped, found = likeness.WEIGHTS, list[Found | None]([None] * len(pairs))
    try:
        for held in range(FOLDS):
            kept = [pair for pair, key in zip(pairs, keys, strict=True) if fold[key] != held]
            likeness.WEIGHTS = fit(rows_of(artists, kept, foreign))
            for place, (wrong, _) in enumerate(pairs):
                if fold[keys[place]] == held:
                    found[place] = artists.find(wrong)
    finally:
        likeness.WEIGHTS = shipped
    return found


def main() -> None:
    """Print the weights that `likeness` has, fitted on all there is."""
    table = read(datasets() / "audioscrobbler")
    print(fit(rows_of(called(table.good), table.pairs, table.others[:FITTED])))


if __name__ == "__main__":
    main()
