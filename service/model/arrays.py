"""A model as named arrays: what lies in its files."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.model import latent
from service.model.version import Model, Prices

ARRAYS = (
    "indptr.npy",
    "indices.npy",
    "values.npy",
    "listener_counts.npy",
    "user_ids.npy",
    "user_norms.npy",
    "by_track_indptr.npy",
    "by_track_users.npy",
    "by_track_strengths.npy",
    "prices.npy",  # empty where nothing is charged
    "exposure_shares.npy",
    *latent.ARRAYS,
)
TRIAL = "trial_ndcg.npy"
"""Not in versions from before there was a gate."""


def to_arrays(model: Model) -> dict[str, NDArray[np.generic]]:
    """What is written of a model, by name of the file."""
    none = Prices(values=np.empty(0, np.float32), shares=np.empty(0))
    prices = model.prices or none
    arrays: tuple[NDArray[np.generic], ...] = (
        model.items.indptr,
        model.items.indices,
        model.items.values,
        model.listener_counts,
        np.array(model.listeners.ids, dtype="U64"),
        model.listeners.norms,
        model.listeners.by_track.indptr,
        model.listeners.by_track.users,
        model.listeners.by_track.values,
        prices.values,
        prices.shares,
        *latent.to_arrays(model.latent).values(),
    )
    trial = np.empty((0, 2), np.float32) if model.trial is None else model.trial
    return {**dict(zip(ARRAYS, arrays, strict=True)), TRIAL: trial}


def prices_from(values: NDArray[Any], shares: NDArray[Any], tracks: int) -> Prices | None:
    """The prices of a model of so many tracks; None where nothing is charged.

    Raises:
        ValueError: the arrays do not fit together.
    """
    if not values.size:
        return None
    if values.shape != (tracks,) or shares.shape != (tracks,):
        raise ValueError(f"prices must be ({tracks},), got {values.shape} and {shares.shape}")
    return Prices(values=values, shares=shares)


def not_finite(arrays: Mapping[str, NDArray[Any]]) -> list[str]:
    """The arrays with NaN or infinity in them: no such model must serve."""
    return [
        name
        for name, array in arrays.items()
        if array.dtype.kind == "f" and not np.isfinite(array).all()
    ]
