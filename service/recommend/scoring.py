"""Parts into one score per track. Evaluation, training and serving all come through here."""

from collections.abc import Mapping

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray

from core import blend
from core.sums import MOST_TERMS, Term, best_sums, sums_at
from service.domain import Part
from service.model.version import BlendWeights, Model
from service.recommend.parts import Array, ByCode, Projected, Rows, Scores, at, dense
from service.recommend.parts import moments as moments_of

WITHOUT_COLLABORATIVE = BlendWeights(artist=1.0, genre=0.5, audio=0.25, context=0.5, trending=0.1)
"""For somebody with wishes and no listens, or before the first fit. The weights of a model say how
much content adds to co-listening, which is little; here content is all there is."""


class Total(Struct, frozen=True, kw_only=True):
    """One score per track as a sum that is written out for few of them only."""

    base: Array  # (n,) NaN where no part says anything
    terms: tuple[Term, ...] = ()
    unit: float = 1.0  # a standard deviation, were the parts independent of each other
    parts: Mapping[Part, Scores] = {}  # what it is the sum of,
    moments: Mapping[Part, tuple[float, float]] = {}  # the mean and deviation of each,
    weights: BlendWeights = BlendWeights()  # and its weight

    @property
    def size(self) -> int:
        """Number of tracks."""
        return int(self.base.size)

    def best(
        self, k: int, *, prices: Array | None = None, share: float = 0.0
    ) -> tuple[Rows, Array]:
        """Rows of the best `k` after the charge and their scores before it (`core.sums`)."""
        return best_sums(self.base, self.terms, k, prices=prices, share=share)

    def at(self, rows: Rows) -> Array:
        """float32 (rows,): the scores of these rows."""
        return sums_at(self.base, self.terms, rows)

    def where(self, allowed: NDArray[np.bool_]) -> "Total":
        """The same without the other rows."""
        masked = self.base.copy()
        masked[~allowed] = -np.inf
        return structs.replace(self, base=masked)


def weights_for(parts: Mapping[Part, Scores], model: Model | None) -> BlendWeights:
    """The weights that suit what is there: those of the model, or those for content alone."""
    if model is None or "collaborative" not in parts:
        return WITHOUT_COLLABORATIVE
    return model.blend


def total_of(parts: Mapping[Part, Scores], weights: BlendWeights, size: int) -> Total:
    """The weighted sum of standardised parts; what `combine` writes out, to float32 rounding."""
    base = np.full(size, np.nan, np.float32)
    terms: list[Term] = []
    found = {name: moments_of(scores) for name, scores in parts.items()}
    square = 0.0
    for name, scores in parts.items():
        weight = float(getattr(weights, name))
        mean, deviation = found[name]
        square += weight * weight if deviation > 0 else 0.0
        if weight:
            _add(scores, weight, base, terms, mean=mean, deviation=deviation)
    return Total(
        base=base,
        terms=tuple(terms),
        unit=float(np.sqrt(square)) or 1.0,
        parts=parts,
        moments=found,
        weights=weights,
    )


def combine(parts: Mapping[Part, Scores], weights: BlendWeights, size: int) -> Array:
    """float32 (size,): the weighted sum of standardised parts; NaN where no part says anything."""
    written = [dense(scores, size) for scores in parts.values()]
    return blend.blend(np.stack(written), _picked(parts, weights))


def shares(total: Total, rows: Rows) -> Array:
    """float32 (parts, rows): what each part added to the score of a row: whom to thank for it."""
    added = np.zeros((len(total.parts), rows.size), np.float32)
    for place, (name, scores) in enumerate(total.parts.items()):
        mean, deviation = total.moments[name]
        if deviation > 0:
            added[place] = np.nan_to_num((at(scores, rows) - mean) / deviation)
    return added * _picked(total.parts, total.weights)[:, None]


def _add(
    scores: Scores,
    weight: float,
    base: Array,
    terms: list[Term],
    *,
    mean: float,
    deviation: float,
) -> None:
    scale = weight / deviation if deviation > 0 else 0.0
    match scores:
        case ByCode():
            blend.add_coded(((scores.table - mean) * scale).astype(np.float32), scores.codes, base)
        case Projected() if len(terms) < MOST_TERMS:
            blend.add_where(scores.embedding.known, -mean * scale, base)
            if scale:
                terms.append((scores.embedding, (scores.query * scale).astype(np.float32)))
        case _:
            written = dense(scores, base.size)
            blend.add(written, weight, base, mean=mean, deviation=deviation)


def _picked(parts: Mapping[Part, Scores], weights: BlendWeights) -> Array:
    return np.array([getattr(weights, name) for name in parts], np.float32)
