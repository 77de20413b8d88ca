"""The plain twins of `core.diversity`, `core.bootstrap`, `core.recent` and the second novelty."""

import math
from itertools import combinations

import numpy as np

from core.arrays import F64, I32, U64, Flags
from core.ease import Interactions
from core.evaluation import PADDING


def rarity(shown: I32, listeners: I32, users: int) -> float:
    rare = [1 - max(listeners[row], 1) / users for one in shown for row in one if row != PADDING]
    return math.fsum(rare) / len(rare) if rare else math.nan


def diversity(shown: I32, interactions: Interactions) -> F64:
    columns = interactions.toarray().astype(np.float64).T

    def distance(one: int, other: int) -> float:
        norms = np.linalg.norm(columns[one]) * np.linalg.norm(columns[other])
        return 1 - float(columns[one] @ columns[other] / norms) if norms else 1.0

    def mean(rows: list[int]) -> float:
        far = [distance(*pair) for pair in combinations(rows, 2)]
        return math.fsum(far) / len(far) if far else math.nan

    return np.array([mean([row for row in one if row != PADDING]) for one in shown.tolist()])


def bootstrap(
    values: F64, *, rng: np.random.Generator, resamples: int, level: float
) -> tuple[float, float]:
    known = [value for value in values.tolist() if not math.isnan(value)]
    draws = [rng.integers(0, len(known), len(known)) for _ in range(resamples)]
    means = [sum(known[at] for at in draw) / len(known) for draw in draws]
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


class Recent:
    """A dict keeps the order in which its keys came."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._held: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._held)

    def add(self, keys: U64, groups: U64) -> Flags:
        return np.array([self._is_new(*one) for one in zip(keys, groups, strict=True)], np.bool_)

    def forget(self, group: int) -> int:
        before = len(self._held)
        self._held = {key: of for key, of in self._held.items() if of != group}
        return before - len(self._held)

    def held(self) -> tuple[U64, U64]:
        return np.array(list(self._held), np.uint64), np.array(list(self._held.values()), np.uint64)

    def _is_new(self, key: int, group: int) -> bool:
        if key in self._held:
            return False
        self._held[key] = group
        if len(self._held) > self._capacity:
            del self._held[next(iter(self._held))]
        return True
