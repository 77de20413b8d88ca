"""What a strategy says about every track, in the form in which it is cheapest to say and to search.

An array has a score per row, NaN where there is nothing to say. Most parts need none: co-listening
says nothing of most tracks, an artist's share is the same for all of their tracks, and neither a
similarity nor an inner product need be worked out for tracks that cannot get near the top
(`core.sums`).
"""

from functools import cached_property
from math import isfinite

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from core import blend
from core.coding import Coding
from core.embedding import Embedding
from core.similarity import similarities
from service.domain import Part
from service.model.catalogue import Catalogue

Array = NDArray[np.float32]
Rows = NDArray[np.int32]
Flags = NDArray[np.bool_]


class Sparse(Struct, frozen=True, dict=True):
    """A few scores, and 0 for all other tracks that were there at the fit and heard then."""

    values: Array  # (n,)
    heard: Flags  # (tracks,) those it speaks of; tracks <= n
    many: int  # how many are heard

    @cached_property
    def moments(self) -> tuple[float, float]:
        """Mean and deviation over what is heard; not finite where a score is not."""
        return blend.padded_moments(self.values, max(self.many, 1))


class ByCode(Struct, frozen=True):
    """The same score for all tracks of one code."""

    table: Array  # (codes,), finite; the last also for -1
    coding: Coding  # of the catalogue, (n,)


class Sound(Struct, frozen=True):
    """Weighted similarity of audio features to a target."""

    catalogue: Catalogue
    target: Array  # (9,), NaN is missing
    weights: Array  # (9,)


class Projected(Struct, frozen=True):
    """The inner product of each track's factors with a query; NaN where they are all 0."""

    embedding: Embedding
    query: Array  # (d,)


class Known(Struct, frozen=True):
    """An array that many lists share, so that its moments are known."""

    values: Array  # (n,)
    standard: Array  # (n,), standardised
    mean: float
    deviation: float
    peaks: Array  # (spans,) of the standardised


Scores = Array | Sparse | ByCode | Sound | Projected | Known
Parts = dict[Part, Scores]


def dense(scores: Scores, size: int) -> Array:
    """float32 (size,): written out."""
    match scores:
        case Sparse():
            out = np.full(size, np.nan, np.float32)
            np.copyto(
                out[: scores.heard.size], scores.values[: scores.heard.size], where=scores.heard
            )
            return out
        case ByCode():
            return scores.table[scores.coding.codes]
        case Sound():
            return similarities(scores.catalogue.features, scores.target, scores.weights)
        case Projected():
            embedding, out = scores.embedding, np.full(size, np.nan, np.float32)
            np.copyto(out[: embedding.n], embedding.values @ scores.query, where=embedding.known)
            return out
        case Known():
            return scores.values
    return scores


def at(scores: Scores, rows: Rows) -> Array:
    """float32 (rows,): of these rows."""
    match scores:
        case Sparse():
            within = rows < scores.heard.size
            within[within] = scores.heard[rows[within]]
            return np.where(within, scores.values[rows], np.float32(np.nan))
        case ByCode():
            return scores.table[scores.coding.codes[rows]]
        case Sound():
            some = np.ascontiguousarray(scores.catalogue.features_by_row[rows].T)
            return similarities(some, scores.target, scores.weights)
        case Projected():
            out, within = np.full(rows.size, np.nan, np.float32), rows < scores.embedding.n
            out[within] = scores.embedding.products(scores.query, rows[within])
            return out
        case Known():
            return scores.values[rows]
    return scores[rows]


def moments(scores: Scores) -> tuple[float, float]:
    """Mean and deviation over the tracks that have a score.

    Those of a sound are taken from some thousand tracks of a large catalogue, evenly spread.
    """
    match scores:
        case Sparse():
            return scores.moments
        case ByCode():
            return blend.counted_moments(scores.table, scores.coding.counts)
        case Sound():
            sample = similarities(scores.catalogue.sample, scores.target, scores.weights)
            return blend.moments(sample)
        case Projected():
            return scores.embedding.moments(scores.query)
        case Known():
            return scores.mean, scores.deviation
    return blend.moments(scores)


def usable(scores: Scores, size: int) -> bool:
    """Whether it speaks of so many tracks, and has no score of +inf."""
    match scores:
        case Sparse():
            return scores.values.shape == (size,) and isfinite(scores.moments[0])
        case ByCode():
            return scores.coding.n == size and bool(np.isfinite(scores.table).all())
        case Sound():
            return scores.catalogue.size == size and bool(np.isfinite(scores.weights).all())
        case Projected():
            return scores.embedding.n <= size and bool(np.isfinite(scores.query).all())
        case Known():
            return scores.values.shape == (size,) and bool(np.isfinite(scores.mean))
    return scores.shape == (size,) and not bool((scores == np.inf).any())
