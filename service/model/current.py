"""What is served right now: one catalogue, one model, what is trending.

This is where `learn` and `recommend` meet. `learn` replaces a part by assignment; `recommend` takes
a `View` once per request and reads nothing else, so a model or catalogue that changes half-way
through a request cannot mix two states in one answer. Everything inside a View is immutable by
agreement.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cached_property

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from core import blend
from core.peaks import lows, peaks
from service.domain import Track
from service.model.catalogue import Catalogue, empty_catalogue
from service.model.latent import Online
from service.model.trending import Trending
from service.model.version import Model

TRENDING_REFRESH = timedelta(seconds=5)


class LivePrices(Struct, frozen=True):
    """Prices as they became since the fit of the model of this version."""

    version: str
    values: NDArray[np.float32]  # (model.tracks,)


class LiveFactors(Struct, frozen=True):
    """Factors as they became since the fit of the model of this version."""

    version: str
    online: Online  # of at least as many tracks


class View(Struct, frozen=True, dict=True):
    """One consistent state, for one request."""

    catalogue: Catalogue
    model: Model | None
    trending: NDArray[np.float32]  # (catalogue.size,) log of decayed plays, or of listeners
    prices: NDArray[np.float32] | None = None  # (catalogue.size,); a track since the fit costs 0
    online: Online | None = None  # what was learned event by event, where it has a say

    @cached_property
    def trend(self) -> tuple[NDArray[np.float32], float, float, NDArray[np.float32]]:
        """What is trending, standardised: float32 (catalogue.size,); mean and deviation; peaks."""
        standard = blend.standardise(self.trending)
        return (standard, *blend.moments(self.trending), peaks(standard))

    @cached_property
    def price_lows(self) -> NDArray[np.float32]:
        """float32 (spans,): the least price of neighbours, `core.peaks`; empty without prices."""
        return lows(np.empty(0, np.float32) if self.prices is None else self.prices)

    @cached_property
    def stamp(self) -> str:
        """Part of every cache key: changes when the model or the catalogue does."""
        return _stamp(self.model, self.catalogue)


class Current:
    """The serving state of this process."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self.catalogue = empty_catalogue()
        self.model: Model | None = None
        self.trending = Trending(clock())
        self.prices: LivePrices | None = None  # these two are replaced by what was learned alone
        self.factors: LiveFactors | None = None
        self._view: View | None = None
        self._learned: tuple[object, object] = (None, None)  # what `_view` was made with
        self._refreshed = clock()

    @property
    def stamp(self) -> str:
        """Of the view that would be given now."""
        return _stamp(self.model, self.catalogue)

    def knows(self, track_id: str) -> bool:
        """Whether the track is in the catalogue."""
        return self.catalogue.knows(track_id)

    def add_tracks(self, tracks: list[Track]) -> None:
        """Serve these tracks from the next request on."""
        self.catalogue = self.catalogue.with_tracks(tracks)

    def view(self) -> View:
        """The state to answer one request from; trending is at most five seconds old."""
        now, last = self._clock(), self._view
        if (
            last is None
            or last.catalogue is not self.catalogue
            or last.model is not self.model
            or self._learned[0] is not self.prices
            or self._learned[1] is not self.factors
            or now - self._refreshed >= TRENDING_REFRESH
        ):
            self._refreshed, self._learned = now, (self.prices, self.factors)
            self._view = last = View(
                self.catalogue,
                self.model,
                self._trending(now),
                self._charged(self.prices),
                self._online(self.factors),
            )
        return last

    def _online(self, live: LiveFactors | None) -> Online | None:
        """None also where the blend gives it no weight: no request should pay for it."""
        if self.model is None or not self.model.blend.online:
            return None
        if live is not None and live.version == self.model.version:
            return live.online
        return self.model.latent.online

    def _charged(self, live: LivePrices | None) -> NDArray[np.float32] | None:
        if self.model is None or self.model.prices is None:
            return None
        values = self.model.prices.values
        if live is not None and live.version == self.model.version:
            values = live.values
        prices = np.zeros(self.catalogue.size, np.float32)
        prices[: self.model.tracks] = values
        return prices

    def _trending(self, now: datetime) -> NDArray[np.float32]:
        size = self.catalogue.size
        counts = self.trending.counts(now, size)
        if (
            not counts.any()
        ):  # nothing has a time: fall back on who was ever liked, then on the label
            counts = (np.nan_to_num(self.catalogue.popularity) / 100).astype(np.float32)
            if self.model is not None:
                counts[: self.model.tracks] += self.model.listener_counts
        return np.log1p(counts, dtype=np.float32)


def _stamp(model: Model | None, catalogue: Catalogue) -> str:
    return f"{model.version if model else 'none'}.{catalogue.edition:x}"
