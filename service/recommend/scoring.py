"""Parts into one score per track. Evaluation, training and serving all come through here."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from core.blend import blend, standardise
from service.domain import Part
from service.model.version import BlendWeights, Model

WITHOUT_COLLABORATIVE = BlendWeights(artist=1.0, genre=0.5, audio=0.25, context=0.5, trending=0.1)
"""For somebody with wishes and no listens, or before the first fit. The weights of a model say how
much content adds to co-listening, which is little; here content is all there is."""


def weights_for(parts: Mapping[Part, NDArray[np.float32]], model: Model | None) -> BlendWeights:
    """The weights that suit what is there: those of the model, or those for content alone."""
    if model is None or "collaborative" not in parts:
        return WITHOUT_COLLABORATIVE
    return model.blend


def combine(
    parts: Mapping[Part, NDArray[np.float32]], weights: BlendWeights
) -> NDArray[np.float32]:
    """float32 (n,): the weighted sum of standardised parts; NaN where no part says anything."""
    return blend(np.stack(list(parts.values())), _picked(parts, weights))


def shares(
    parts: Mapping[Part, NDArray[np.float32]], weights: BlendWeights, rows: NDArray[np.int32]
) -> NDArray[np.float32]:
    """float32 (parts, rows): what each part added to the score of a row: whom to thank for it."""
    added = np.stack([standardise(scores)[rows] for scores in parts.values()])
    return np.nan_to_num(added) * _picked(parts, weights)[:, None]


def _picked(
    parts: Mapping[Part, NDArray[np.float32]], weights: BlendWeights
) -> NDArray[np.float32]:
    return np.array([getattr(weights, name) for name in parts], np.float32)
