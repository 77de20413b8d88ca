"""Parts of the small world without a service around them: catalogue, model, view, listeners."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from core.als import gram
from core.linear import ItemWeights
from core.neighbours import ByTrack
from core.spectral import Directions
from service.domain import Listen, Track, User
from service.model.catalogue import Catalogue, empty_catalogue
from service.model.current import View
from service.model.latent import Factors, Latent, Online
from service.model.version import Listeners, Model
from service.profile.history import fold
from service.recommend.ask import Listener
from tests import worlds

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)  # a Monday


def track(track_id: str, **more) -> Track:
    """A track by an artist of its own."""
    return Track(
        **({"id": track_id, "title": f"Title {track_id}", "artist": f"By {track_id}"} | more)
    )


def listen(track_id: str, *, minutes: float = 0, **more) -> Listen:
    """A listen of u1, so many minutes after noon."""
    at = NOON + timedelta(minutes=minutes)
    defaults: dict[str, Any] = {"id": f"{track_id}-{minutes}", "user_id": "u1", "at": at}
    return Listen(**(defaults | {"track_id": track_id} | more))


def catalogue(*tracks: Track) -> Catalogue:
    """A catalogue of these tracks; of the small world when there are none."""
    return empty_catalogue().with_tracks(tracks or worlds.tracks())


def model(known: Catalogue, listens: Sequence[Listen] | None = None, **more) -> Model:
    """Co-listening counts as item weights: right in the small world, and no fit needed."""
    listens = worlds.listens() if listens is None else listens
    users = sorted({one.user_id for one in listens})
    played = np.zeros((len(users), known.size), np.float32)
    for one in listens:
        played[users.index(one.user_id), known.rows[one.track_id]] = 1
    together = played.T @ played
    np.fill_diagonal(together, 0)
    items, by_track = csr_array(together), csr_array(played.T)
    defaults: dict[str, Any] = {
        "version": "v1",
        "fitted_at": NOON,
        "tracks": known.size,
        "items": ItemWeights(*_csr(items)),
        "listener_counts": played.sum(axis=0).astype(np.int32),
        "listeners": Listeners(
            ids=users,
            norms=np.linalg.norm(played, axis=1).astype(np.float32),
            by_track=ByTrack(*_csr(by_track)),
        ),
    }
    return Model(**(defaults | more))


def view(known: Catalogue, *, fitted: Model | None = None, plays: Sequence[float] = ()) -> View:
    """A state to answer from; `plays` of the first rows, as trending counts them."""
    trending = np.zeros(known.size, np.float32)
    trending[: len(plays)] = plays
    return View(known, fitted, trending, online=fitted.latent.online if fitted else None)


def listener(known: Catalogue, *listens: Listen, **user) -> Listener:
    """Somebody with these listens, newest first, and these settings."""
    return Listener(User(id="u1", **user), fold(listens, known))


def player_of(known: Catalogue, *track_ids: str, **user) -> Listener:
    """Somebody who played these tracks, the first one last."""
    return listener(known, *(listen(one, minutes=-n) for n, one in enumerate(track_ids)), **user)


def ids(known: Catalogue, rows: Iterable[int]) -> list[str]:
    """Track ids of rows."""
    return [known.briefs[row].id for row in rows]


def _csr(matrix: csr_array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    matrix.sort_indices()
    values = matrix.data.astype(np.float32)
    return matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), values


def latent(tracks: int, dimensions: int = 2) -> Latent:
    """All three kinds of hidden directions, drawn by lot."""
    draw = np.random.default_rng(5)
    left, right, factors, online = draw.random((4, tracks, dimensions), np.float32)
    return Latent(
        spectral=Directions(left, right),
        factors=Factors(tracks=factors, square=gram(factors), alpha=10.0, l2=1.0),
        online=Online(
            tracks=online, biases=draw.random(tracks, np.float32), mean=np.zeros(1, np.float32)
        ),
    )
