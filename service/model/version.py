"""One fitted model: everything learned from all listens at one moment."""

from datetime import datetime
from functools import cached_property

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from core.linear import ItemWeights
from core.neighbours import ByTrack
from service.model.latent import NOTHING_LATENT, Latent
from service.model.verdict import Verdict


class BlendWeights(Struct, frozen=True, kw_only=True):
    """How much each part counts, on standardised scores; chosen on listens held out at the fit."""

    collaborative: float = 1.0
    spectral: float = 0.4
    factors: float = 0.6
    online: float = 0.0
    artist: float = 0.2
    genre: float = 0.05
    audio: float = 0.05
    context: float = 0.3
    trending: float = 0.02


class Listeners(Struct, frozen=True, kw_only=True):
    """Who liked which track at the fit, by track: what similar users are found in."""

    ids: list[str]
    norms: NDArray[np.float32]  # (users,)
    by_track: ByTrack


class Prices(Struct, frozen=True, kw_only=True):
    """What it costs each track to be shown (`core.exposure`), and what that was fitted for."""

    values: NDArray[np.float32]  # (tracks,), at least 0, in units of a list's best score
    shares: NDArray[np.float64]  # (tracks,): the exposure wanted, in any unit


class Model(Struct, frozen=True, kw_only=True, dict=True):
    """What one fit learned. Row i is catalogue row i, for the `tracks` rows there were."""

    version: str
    fitted_at: datetime
    tracks: int
    items: ItemWeights
    listener_counts: NDArray[np.int32]  # (tracks,) users who like each track
    listeners: Listeners
    latent: Latent = NOTHING_LATENT
    blend: BlendWeights = BlendWeights()
    prices: Prices | None = None  # None: nothing is charged
    metrics: dict[str, float] = {}
    trial: NDArray[np.float32] | None = None
    """(users, 2): NDCG@10 of the trial on pairs held out, all and of the long tail; -1: not asked.
    What the next candidate is compared with if hardly any listens are newer."""
    verdict: Verdict | None = None  # None: from before there was a gate
    learned_to: str = ""  # mark in the store's log: later listens are not in it; "" is not known

    @cached_property
    def heard(self) -> NDArray[np.bool_]:
        """Bool (tracks,): somebody likes it, so that it has somebody to be like."""
        return self.listener_counts > 0

    @cached_property
    def many_heard(self) -> int:
        """How many tracks that are."""
        return int(np.count_nonzero(self.heard))

    def prepare(self) -> "Model":
        """The same, with all made that the first request would have to wait for."""
        _ = self.many_heard
        if self.latent.spectral is not None:
            _ = self.latent.spectral.targets
        if self.latent.factors is not None:
            _ = self.latent.factors.embedding, self.latent.factors.penalised
        return self
