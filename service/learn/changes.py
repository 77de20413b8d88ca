"""What learning has changed of what is served: made from the state, applied to `Current`.

The learner's own process and all others apply the same change in the same way. Nothing is changed
in place: an answer under way keeps the arrays it began with. A list may lag behind by as long as it
is kept; changes are no part of a cache key.
"""

from datetime import datetime

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from service.learn.learned import Learned
from service.model.current import Current, LiveFactors, LivePrices
from service.model.latent import Online
from service.model.trending import Trending


class Change(Struct, frozen=True, kw_only=True):
    """Rows that changed and their values now; `whole`: all rows that are not 0."""

    whole: bool
    version: str | None  # of the model that prices and factors belong to
    landmark: datetime
    trended: NDArray[np.int64]  # (m,) rows, and
    weights: NDArray[np.float64]  # (m,) decayed plays as of the landmark
    prices: NDArray[np.float32]  # (tracks,), or none
    moved: NDArray[np.int32]  # (r,) rows, and
    tracks: NDArray[np.float32]  # (r, d) their factors,
    biases: NDArray[np.float32]  # (r,) and biases
    mean: NDArray[np.float32]  # (1,), or none
    size: int  # rows of tracks that have factors

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to tell."""
        return not (self.whole or self.trended.size or self.prices.size or self.moved.size)


ARRAYS = {
    "trended": "<i8",
    "weights": "<f8",
    "prices": "<f4",
    "moved": "<i4",
    "tracks": "<f4",
    "biases": "<f4",
    "mean": "<f4",
}
NONE = np.empty(0, np.float32)


def change_of(learned: Learned, *, whole: bool, factors: bool, prices: bool = True) -> Change:
    """What changed since this was asked last.

    Args:
        learned: Is told that it was asked.
        whole: All of it instead.
        factors: The blend of the model asks for them.
        prices: They are wanted now, if they changed.
    """
    trended = np.unique(np.concatenate([np.empty(0, np.int64), *learned.trended]))
    moved = np.unique(np.concatenate([np.empty(0, np.int32), *learned.moved]))
    if whole:
        trended = np.flatnonzero(learned.trending.weights)
    of = learned.factors if factors else None
    if of is None:
        moved = moved[:0]
    elif whole:
        moved = np.arange(len(of.tracks), dtype=np.int32)
    priced = learned.prices is not None and (whole or (prices and learned.repriced))
    learned.trended, learned.moved, learned.repriced = [], [], learned.repriced and not priced
    return Change(
        whole=whole,
        version=learned.version,
        landmark=learned.trending.landmark,
        trended=trended,
        weights=learned.trending.weights[trended],
        prices=learned.prices.copy() if priced and learned.prices is not None else NONE,
        moved=moved,
        tracks=NONE.reshape(0, 0) if of is None else of.tracks[moved],
        biases=NONE if of is None else of.track_biases[moved],
        mean=NONE if of is None else of.mean.copy(),
        size=0 if of is None else len(of.tracks),
    )


def apply(change: Change, current: Current) -> None:
    """Serve it from the next request on."""
    before = Trending(change.landmark) if change.whole else current.trending
    if change.whole or change.trended.size:
        current.trending = before.put(change.trended, change.weights)
    if change.version is None:
        return
    if change.prices.size:
        current.prices = LivePrices(change.version, change.prices)
    if change.moved.size:
        factors = _moved(change, current)
        if factors is not None:
            current.factors = LiveFactors(change.version, factors)


def to_bytes(change: Change) -> bytes:
    """As it travels."""
    arrays = {name: getattr(change, name).astype(kind).tobytes() for name, kind in ARRAYS.items()}
    head = (change.whole, change.version, change.landmark, change.size, change.tracks.shape[1])
    return msgspec.msgpack.encode((*head, arrays))


def from_bytes(body: bytes) -> Change:
    """The change.

    Raises:
        ValueError: it is none.
    """
    try:
        whole, version, landmark, size, width, packed = _DECODER.decode(body)
        arrays = {name: np.frombuffer(packed[name], kind) for name, kind in ARRAYS.items()}
    except (msgspec.MsgspecError, KeyError) as error:
        raise ValueError("this is no change") from error
    arrays["tracks"] = arrays["tracks"].reshape(arrays["moved"].size, width)
    return Change(whole=whole, version=version, landmark=landmark, size=size, **arrays)


_DECODER = msgspec.msgpack.Decoder(tuple[bool, str | None, datetime, int, int, dict[str, bytes]])


def _moved(change: Change, current: Current) -> Online | None:
    """Copies with the changed rows; None where what they changed is not here."""
    if change.whole:
        size = change.size
        tracks, biases = (
            np.zeros((size, change.tracks.shape[1]), np.float32),
            np.zeros(size, np.float32),
        )
    else:
        live, model = current.factors, current.model
        if live is not None and live.version == change.version:
            online: Online | None = live.online
        else:
            online = model.latent.online if model and model.version == change.version else None
        if online is None:
            return None
        tracks = np.zeros(
            (max(change.size, len(online.tracks)), online.tracks.shape[1]), np.float32
        )
        biases = np.zeros(len(tracks), np.float32)
        tracks[: len(online.tracks)], biases[: len(online.biases)] = online.tracks, online.biases
    tracks[change.moved], biases[change.moved] = change.tracks, change.biases
    return Online(tracks=tracks, biases=biases, mean=change.mean)
