"""Audio features as Spotify writes them."""

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from msgspec import Struct

from service.domain import FEATURES
from service.doors.spotify.attributes import FIXED, UNKNOWN, values_of
from service.model.catalogue import Catalogue


class AudioFeatures(Struct, frozen=True, kw_only=True):
    """What a track sounds like."""

    danceability: float
    energy: float
    key: int
    loudness: float
    mode: int
    speechiness: float
    acousticness: float
    instrumentalness: float
    liveness: float
    valence: float
    tempo: float
    id: str
    uri: str
    track_href: str
    analysis_url: str
    duration_ms: int
    time_signature: int
    type: str = "audio_features"


def features_of(
    catalogue: Catalogue, rows: Sequence[int], names: Sequence[str], base: str
) -> list[AudioFeatures | None]:
    """The features of these rows, which are answered under these names; None where none is known.

    `base` is the address everything here is served under, without a slash.
    """
    at = np.array(rows, np.int32)
    columns = {feature: values_of(catalogue, feature, at).tolist() for feature in FEATURES}
    found: list[AudioFeatures | None] = []
    for place, (row, name) in enumerate(zip(rows, names, strict=True)):
        said = {feature: column[place] for feature, column in columns.items()}
        if all(math.isnan(value) for value in said.values()):
            found.append(None)
            continue
        whole = {feature: UNKNOWN[feature] if math.isnan(v) else v for feature, v in said.items()}
        links = {
            "id": name,
            "uri": f"spotify:track:{name}",
            "track_href": f"{base}/tracks/{name}",
            "analysis_url": f"{base}/audio-analysis/{name}",
        }
        length = {"duration_ms": int(catalogue.durations_ms[row])}
        found.append(msgspec.convert({**whole, **FIXED, **links, **length}, AudioFeatures))
    return found
