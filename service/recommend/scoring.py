"""Parts into one score per track. Evaluation, training and serving all come through here."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from msgspec import Struct, structs

from core import blend
from core.sums import Flat, Nearness, Product, Sum, Table, best_of, sums_of
from service.domain import Part
from service.model.version import BlendWeights, Model
from service.recommend.parts import (
    Array,
    ByCode,
    Flags,
    Known,
    Projected,
    Rows,
    Scores,
    Sound,
    Sparse,
    at,
    dense,
    moments,
)

WITHOUT_COLLABORATIVE = BlendWeights(artist=1.0, genre=0.5, audio=0.25, context=0.5, trending=0.1)
"""For somebody with wishes and no listens, or before the first fit. The weights of a model say how
much content adds to co-listening, which is little; here content is all there is."""
LEAST = 1e-30
"""Of a deviation: a smaller one is rounding, and what is divided by it is beyond float32."""
Coded = Literal["artist", "genre"]


class Total(Struct, frozen=True, kw_only=True):
    """One score per track as a sum that is worked out for few of them only (`core.sums`)."""

    features: Array  # (n, 9)
    flats: tuple[Flat, ...] = ()
    heard: Flags | None = None  # (tracks,) to whom
    constant: float = 0.0  # is added
    tables: Mapping[Coded, Table] = {}
    sounds: tuple[Nearness, ...] = ()
    products: tuple[Product, ...] = ()
    allowed: Flags | None = None  # (n,)
    unit: float = 1.0  # a standard deviation, were the parts independent of each other
    parts: Mapping[Part, Scores] = {}  # what it is the sum of,
    moments: Mapping[Part, tuple[float, float]] = {}  # the mean and deviation of each,
    weights: BlendWeights = BlendWeights()  # and its weight

    @property
    def size(self) -> int:
        """Number of tracks."""
        return len(self.features)

    def best(
        self, k: int, *, prices: Array | None = None, lows: Array | None = None, share: float = 0.0
    ) -> tuple[Rows, Array]:
        """Rows of the best `k` after the charge and their scores before it."""
        total, allowed = self._sum(), self.allowed
        return best_of(total, k, allowed=allowed, prices=prices, lows=lows, share=share)

    def at(self, rows: Rows) -> Array:
        """float32 (rows,): the scores of these rows; NaN where no part says anything."""
        return sums_of(self._sum(), rows)

    def where(self, allowed: Flags) -> "Total":
        """The same without the other rows."""
        return structs.replace(self, allowed=allowed)

    def _sum(self) -> Sum:
        return Sum(
            n=self.size,
            features=self.features,
            flats=self.flats,
            flags=self.heard,
            constant=self.constant,
            tables=tuple(self.tables.values()),
            nearnesses=self.sounds,
            products=self.products,
        )


def total_from(scores: Array) -> Total:
    """Scores that are written out already, as a total."""
    return Total(features=np.empty((scores.size, 0), np.float32), flats=(Flat(scores),))


def weights_for(parts: Mapping[Part, Scores], model: Model | None) -> BlendWeights:
    """The weights that suit what is there: those of the model, or those for content alone."""
    if model is None or "collaborative" not in parts:
        return WITHOUT_COLLABORATIVE
    return model.blend


def total_of(parts: Mapping[Part, Scores], weights: BlendWeights, features: Array) -> Total:
    """The weighted sum of standardised parts: what `combine` writes out, to float32 rounding.

    Args:
        parts: What each says.
        weights: Of the parts.
        features: float32 (n, 9): the tracks, by row.
    """
    found = {name: moments(scores) for name, scores in parts.items()}
    terms = _Terms()
    square, rest = 0.0, np.empty(0, np.float32)
    for name, scores in parts.items():
        weight = float(getattr(weights, name))
        mean, deviation = found[name]
        if not weight:
            continue
        if deviation > 0:
            square += weight * weight
        if isinstance(scores, np.ndarray):
            rest = rest if rest.size else np.full(len(features), np.nan, np.float32)
            blend.add(scores, weight, rest, mean=mean, deviation=deviation)
        else:
            scale = weight / deviation if deviation > LEAST else 0.0
            _put(terms, name, scores, scale=scale, shift=-mean * scale, weight=weight)
    if rest.size:
        terms.flats.append(Flat(rest))
    return Total(
        features=features,
        flats=tuple(terms.flats),
        heard=terms.heard,
        constant=terms.constant,
        tables=terms.tables,
        sounds=tuple(terms.sounds),
        products=tuple(terms.products),
        unit=float(np.sqrt(square)) or 1.0,
        parts=parts,
        moments=found,
        weights=weights,
    )


def combine(parts: Mapping[Part, Scores], weights: BlendWeights, size: int) -> Array:
    """float32 (size,): the weighted sum of standardised parts; NaN where no part says anything."""
    written = np.full(size, np.nan, np.float32)
    for name, scores in parts.items():
        if weight := float(getattr(weights, name)):
            mean, deviation = moments(scores)
            blend.add(dense(scores, size), weight, written, mean=mean, deviation=deviation)
    return written


def shares(total: Total, rows: Rows) -> tuple[Array, Array]:
    """What each part says of a row, and what that added to its score: whom to thank for it.

    Both float32 (parts, rows); NaN and 0 where a part says nothing.
    """
    said = np.empty((len(total.parts), rows.size), np.float32)
    scales, means = np.zeros((2, len(total.parts), 1))  # float64: a deviation may be tiny
    for place, (name, scores) in enumerate(total.parts.items()):
        said[place] = at(scores, rows)
        mean, deviation = total.moments[name]
        means[place] = mean
        scales[place] = getattr(total.weights, name) / deviation if deviation > 0 else 0.0
    added = ((said - means) * scales).astype(np.float32)
    added[np.isnan(added)] = 0
    return said, added


class _Terms(Struct):
    """What a total is put together from."""

    flats: list[Flat] = []
    heard: Flags | None = None
    constant: float = 0.0
    tables: dict[Coded, Table] = {}
    sounds: list[Nearness] = []
    products: list[Product] = []


def _put(
    terms: _Terms,
    name: Part,
    scores: Sparse | ByCode | Sound | Projected | Known,
    *,
    scale: float,
    shift: float,
    weight: float,
) -> None:
    match scores:
        case Sparse():
            if scale:  # else all are 0
                terms.flats.append(Flat(scores.values, scale, speaks=False))
            terms.heard, terms.constant = scores.heard, shift
        case ByCode():
            table = Table((scores.table * scale + shift).astype(np.float32), scores.coding)
            coded: Coded = "artist" if name == "artist" else "genre"
            terms.tables[coded] = table
        case Sound():
            terms.sounds.append(Nearness(scores.target, scores.weights, scale, shift))
        case Projected():
            query = (scores.query * scale).astype(np.float32)
            terms.products.append(Product(scores.embedding, query, shift))
        case Known():
            terms.flats.append(Flat(scores.standard, weight, peaks=scores.peaks))
