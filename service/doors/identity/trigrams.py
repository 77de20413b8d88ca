"""Texts by the triples of letters in them: the nearest of many without looking at each."""

from array import array
from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

CONTAINED = 0.6
"""Share of a text's triples that have to be found for it to be taken for a part of the question."""


class Trigrams:
    """Rows of texts, weighted by how rare a triple is (TF-IDF). It only grows."""

    def __init__(self) -> None:
        self._rows: dict[str, array[int]] = defaultdict(lambda: array("i"))
        self._size, self._weighed = 0, 0
        self._weights: dict[str, float] = {}
        self._squares = np.empty(0)

    def add(self, text: str) -> int:
        """Know this text; its row."""
        row = self._size
        for triple in _triples(text):
            self._rows[triple].append(row)
        self._size += 1
        return row

    def near(self, text: str, *, limit: int) -> set[int]:
        """Rows that are most alike by cosine, and those that are most nearly part of the text.

        At most `limit` of each. 0.2 ms among 30,000.
        """
        self._weigh()
        triples = _triples(text)
        found = [triple for triple in triples if triple in self._weights]
        if not found:
            return set()
        rows = [np.frombuffer(self._rows[triple], np.int32) for triple in found]
        weights = np.array([self._weights[triple] for triple in found])
        shared = np.bincount(
            np.concatenate(rows),
            np.repeat(weights, [len(one) for one in rows]),
            minlength=self._size,
        )
        some = np.flatnonzero(shared)
        share = shared[some] / self._squares[some]
        alike = shared[some] / np.sqrt(self._squares[some])
        part = [row for row in _best(share, limit) if share[row] > CONTAINED]
        return set(some[[*_best(alike, limit), *part]].tolist())

    def _weigh(self) -> None:
        """40 ms for 30,000 texts, when there are new ones."""
        if self._weighed == self._size:
            return
        self._squares = np.zeros(self._size)
        for triple, rows in self._rows.items():
            weight = float(np.log1p(self._size / len(rows)) ** 2)
            self._weights[triple] = weight
            self._squares[np.frombuffer(rows, np.int32)] += weight
        self._weighed = self._size


def _triples(text: str) -> list[str]:
    padded = f" {text} "
    return sorted({padded[at : at + 3] for at in range(len(padded) - 2)})


def _best(scores: NDArray[np.float64], limit: int) -> list[int]:
    """Places of the highest scores, the first of equals first."""
    if len(scores) > limit:
        least = np.partition(scores, -limit)[-limit]
        places = np.flatnonzero(scores >= least)
        order = np.argsort(-scores[places], kind="stable")
        return [int(place) for place in places[order][:limit]]
    return list(range(len(scores)))
