"""What a strategy says about every track, in the form in which it is cheapest to say and to search.

An array has a score per row, NaN where there is nothing to say. An artist's share is the same for
all of their tracks, so a table by code will do; and an inner product with a listener's query need
not be worked out for tracks that cannot get near the top (`core.sums`).
"""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from core import blend
from core.embedding import Embedding
from service.domain import Part

Array = NDArray[np.float32]
Rows = NDArray[np.int32]


class ByCode(Struct, frozen=True):
    """The same score for all tracks of one code."""

    table: Array  # (codes,), finite; the last is for -1
    codes: Rows  # (n,) of the catalogue
    counts: NDArray[np.int64]  # (codes,) how many tracks have each


class Projected(Struct, frozen=True):
    """The inner product of each track's factors with a query; NaN where they are all 0."""

    embedding: Embedding
    query: Array  # (d,)


Scores = Array | ByCode | Projected
Parts = dict[Part, Scores]


def dense(scores: Scores, size: int) -> Array:
    """float32 (size,): written out."""
    match scores:
        case ByCode():
            return scores.table[scores.codes]
        case Projected():
            known, out = scores.embedding.known, np.full(size, np.nan, np.float32)
            out[: known.size][known] = (scores.embedding.values @ scores.query)[known]
            return out
    return scores


def at(scores: Scores, rows: Rows) -> Array:
    """float32 (rows,): of these rows."""
    match scores:
        case ByCode():
            return scores.table[scores.codes[rows]]
        case Projected():
            out, within = np.full(rows.size, np.nan, np.float32), rows < scores.embedding.n
            out[within] = scores.embedding.products(scores.query, rows[within])
            return out
    return scores[rows]


def moments(scores: Scores) -> tuple[float, float]:
    """Mean and deviation over the rows that have a score."""
    match scores:
        case ByCode():
            table, count = scores.table.astype(np.float64), max(int(scores.counts.sum()), 1)
            mean = float((scores.counts * table).sum()) / count
            return mean, float(np.sqrt((scores.counts * (table - mean) ** 2).sum() / count))
        case Projected():
            return scores.embedding.moments(scores.query)
    return blend.moments(scores)


def finite(scores: Scores) -> bool:
    """Whether there is no score of +inf, and no NaN or infinity in a table or a query."""
    match scores:
        case ByCode():
            return bool(np.isfinite(scores.table).all())
        case Projected():
            return bool(np.isfinite(scores.query).all())
    return not bool((scores == np.inf).any())


def size(scores: Scores) -> int | None:
    """How many tracks it speaks of; None: of those that were there at the fit."""
    match scores:
        case ByCode():
            return scores.codes.size
        case Projected():
            return None
    return scores.size if scores.ndim == 1 else -1
