"""The fourteen attributes of a track as they are answered, for whole catalogues at a time.

Answers, filters and wishes all read these, so what a filter let through also looks like it.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.domain import FEATURES
from service.model.catalogue import Catalogue
from service.recommend.taste import AUDIO_WEIGHTS

Values = NDArray[np.float64]
Rows = NDArray[np.int32]

SHARES: Final = tuple(name for name in FEATURES if name not in ("tempo", "loudness"))
FIXED: Final = {"key": -1, "mode": 1, "time_signature": 4}
"""What EchoTune does not keep; -1 is Spotify's own word for "no key was found"."""
UNKNOWN: Final = {**dict.fromkeys(SHARES, 0.5), "tempo": 120.0, "loudness": -10.0}
"""Where a track has some features and lacks others: strict clients take no null."""
WHOLE: Final = ("duration_ms", "key", "mode", "popularity", "time_signature")
RANGES: Final[Mapping[str, tuple[float, float]]] = {
    **dict.fromkeys(SHARES, (0.0, 1.0)),
    "duration_ms": (0.0, 86_400_000.0),
    "key": (-1.0, 11.0),
    "loudness": (-200.0, 100.0),
    "mode": (0.0, 1.0),
    "popularity": (0.0, 100.0),
    "tempo": (0.0, 1000.0),
    "time_signature": (0.0, 11.0),
}
"""What a client may name as a bound or a wish."""
SHARE_DIGITS, BPM_DIGITS, DB_DIGITS = 6, 3, 3
LONG_MS = 600_000.0
"""Ten minutes: as far as lengths are told apart when wishes are weighed."""
OTHER_WEIGHT = 0.1
"""Of a wish that retrieval by sound does not weigh."""


def values_of(catalogue: Catalogue, name: str, rows: Rows | None = None) -> Values:
    """float64 (n,) or (rows,): one attribute of tracks as it is answered, NaN where unknown."""
    at = slice(None) if rows is None else rows
    if name in FIXED:
        return np.full(catalogue.explicit[at].size, float(FIXED[name]))
    if name == "duration_ms":
        lengths = catalogue.durations_ms[at].astype(np.float64)
        return np.where(lengths > 0, lengths, np.nan)
    if name == "popularity":
        return np.rint(catalogue.popularity[at].astype(np.float64))
    scaled = catalogue.features[FEATURES.index(name)][at].astype(np.float64)
    if name == "tempo":
        scaled, digits = scaled * 250, BPM_DIGITS
    elif name == "loudness":
        scaled, digits = scaled * 60 - 60, DB_DIGITS
    else:
        digits = SHARE_DIGITS
    rounded: Values = np.round(scaled, digits)
    return rounded


def within_of(
    catalogue: Catalogue, least: Mapping[str, float], most: Mapping[str, float]
) -> NDArray[np.bool_] | None:
    """Bool (n,): every bound holds; an unknown value keeps none. None when there is no bound."""
    if not least and not most:
        return None
    within = np.ones(catalogue.size, np.bool_)
    for name in least.keys() | most.keys():
        values = values_of(catalogue, name)
        within &= values >= least.get(name, -np.inf)  # NaN is on no side of anything
        within &= values <= most.get(name, np.inf)
    return within


def distance_of(
    catalogue: Catalogue, wishes: Mapping[str, float], rows: Rows | None = None
) -> NDArray[np.float32] | None:
    """float32 (n,) or (rows,): weighted root mean square over the wishes, each on a scale of 0..1.

    An unknown attribute costs nothing: weights are renormalised over those a track has; NaN where
    it has none. None when nothing is wished that could tell two tracks apart.
    """
    telling = [name for name in sorted(wishes) if name not in FIXED]
    if not telling:
        return None
    squares, weights = np.zeros((2, catalogue.size if rows is None else rows.size))
    for name in telling:
        weight = AUDIO_WEIGHTS.get(name, OTHER_WEIGHT)
        off = _scaled(name, values_of(catalogue, name, rows)) - _scaled(
            name, np.array(wishes[name])
        )
        known = np.isfinite(off)
        squares[known] += weight * off[known] ** 2
        weights[known] += weight
    with np.errstate(invalid="ignore"):
        return np.sqrt(squares / weights).astype(np.float32)


def _scaled(name: str, values: Values) -> Values:
    if name == "tempo":
        return np.clip(values, 0, 250) / 250
    if name == "loudness":
        return (np.clip(values, -60, 0) + 60) / 60
    if name == "popularity":
        return values / 100
    if name == "duration_ms":
        return np.clip(values, 0, LONG_MS) / LONG_MS
    return values
