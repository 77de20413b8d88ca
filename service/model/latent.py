"""What a fit learned of hidden directions of taste; each part may be absent."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from core.als import penalty
from core.embedding import Embedding
from core.spectral import Directions

ARRAYS = (
    "spectral_left.npy",
    "spectral_right.npy",
    "factors.npy",
    "factors_square.npy",
    "factors_penalties.npy",
    "online.npy",
    "online_biases.npy",
    "online_mean.npy",
)
"""On disk; empty where the part is absent."""
Arrays = Mapping[str, NDArray[Any]]


class Factors(Struct, frozen=True, kw_only=True, dict=True):
    """Implicit ALS (`core.als`): what it takes to fold a listener in."""

    tracks: NDArray[np.float32]  # (tracks, d), 0 for a track nobody heard
    square: NDArray[np.float32]  # (d, d), the Gram matrix of `tracks`
    alpha: float
    l2: float

    @cached_property
    def penalised(self) -> NDArray[np.float32]:
        """`square` with the penalty, as `core.als.fold_in` wants it; made once."""
        return penalty(self.square, self.l2)

    @cached_property
    def embedding(self) -> Embedding:
        """`tracks`, prepared for `core.sums`; made once."""
        return Embedding(self.tracks)


class Online(Struct, frozen=True, kw_only=True):
    """Factors by stochastic gradient descent (`core.sgd`), learned event by event."""

    tracks: NDArray[np.float32]  # (tracks, d)
    biases: NDArray[np.float32]  # (tracks,)
    mean: NDArray[np.float32]  # (1,)


class Latent(Struct, frozen=True, kw_only=True):
    """Row i is catalogue row i. None: not fitted, or of no use to the blend."""

    spectral: Directions | None = None
    factors: Factors | None = None
    online: Online | None = None


NOTHING_LATENT = Latent()


def to_arrays(latent: Latent) -> dict[str, NDArray[np.generic]]:
    """What is written of `latent`, by name of the file."""
    none = np.empty((0, 0), np.float32)
    spectral, factors, online = latent.spectral, latent.factors, latent.online
    return {
        "spectral_left.npy": spectral.left if spectral else none,
        "spectral_right.npy": spectral.right if spectral else none,
        "factors.npy": factors.tracks if factors else none,
        "factors_square.npy": factors.square if factors else none,
        "factors_penalties.npy": np.array([factors.alpha, factors.l2] if factors else []),
        "online.npy": online.tracks if online else none,
        "online_biases.npy": online.biases if online else none,
        "online_mean.npy": online.mean if online else none,
    }


def from_arrays(arrays: Arrays, tracks: int) -> Latent:
    """The parts that were written of a model of so many tracks.

    Raises:
        ValueError: the arrays do not fit together.
    """
    spectral = factors = online = None
    if arrays["spectral_left.npy"].size:
        left = _shaped(arrays, "spectral_left.npy", tracks, None)
        spectral = Directions(left, arrays["spectral_right.npy"])
    if arrays["factors.npy"].size:
        found = _shaped(arrays, "factors.npy", tracks, None)
        alpha, l2 = arrays["factors_penalties.npy"].tolist()
        square = _shaped(arrays, "factors_square.npy", found.shape[1], found.shape[1])
        factors = Factors(tracks=found, square=square, alpha=alpha, l2=l2)
    if arrays["online.npy"].size:
        online = Online(
            tracks=_shaped(arrays, "online.npy", tracks, None),
            biases=_shaped(arrays, "online_biases.npy", tracks),
            mean=_shaped(arrays, "online_mean.npy", 1),
        )
    return Latent(spectral=spectral, factors=factors, online=online)


def _shaped(arrays: Arrays, name: str, *shape: int | None) -> NDArray[Any]:
    array = arrays[name]
    fits = array.dtype == np.float32 and len(shape) == array.ndim
    if not fits or any(a not in (None, b) for a, b in zip(shape, array.shape, strict=True)):
        raise ValueError(f"{name} must be float32 {shape}, got {array.dtype} {array.shape}")
    return array
