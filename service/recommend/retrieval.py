"""Four strategies, each scoring the whole catalogue: who is near, and by which measure.

A strategy returns its parts (`recommend.parts`): content measures artist, genre and audio apart.
A part has no score where it has nothing to say about a track; a strategy with nothing to say at all
returns no part. Strategies run side by side; one that fails or is late is left out and named.
"""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import numpy as np
import structlog

from core.linear import score
from core.similarity import similarities
from service import metrics
from service.domain import FEATURES, Strategy
from service.model.current import View
from service.model.version import Model
from service.profile.clock import zone
from service.profile.history import History
from service.profile.profile import artist_shares, audio_means, genre_shares
from service.recommend.ask import Ask, Listener
from service.recommend.context import moment
from service.recommend.latent import latent_scores
from service.recommend.parts import Array, ByCode, Parts, Projected, finite, size

log = structlog.get_logger()

Outcome = Literal["ok", "skipped", "failed", "late"]
Score = Callable[[View, Listener, Ask], Parts]

AUDIO_WEIGHTS = {
    "danceability": 0.2,
    "energy": 0.25,
    "valence": 0.2,
    "acousticness": 0.15,
    "instrumentalness": 0.1,
    "tempo": 0.1,
}
AUDIO = np.array([AUDIO_WEIGHTS.get(name, 0.0) for name in FEATURES], np.float32)


def collaborative(view: View, listener: Listener, _ask: Ask) -> Parts:
    """What people who play the same tracks play: item to item, and by hidden directions of taste.

    The history is the query of each, so a listen changes the next answer without a fit.
    """
    model, history = view.model, listener.history
    if model is None:
        return {}
    within = history.rows < model.tracks
    if not within.any():
        return {}
    rows, strengths = history.rows[within], history.strengths[within]
    found: Parts = {"collaborative": score(model.items, rows, strengths)}
    found |= latent_scores(model.latent, rows, strengths)
    return {
        name: scores if isinstance(scores, Projected) else _of_heard(scores, view, model)
        for name, scores in found.items()
    }


def content(view: View, listener: Listener, _ask: Ask) -> Parts:
    """The same artists, the same genres, the same sound."""
    catalogue, history, wanted = view.catalogue, listener.history, listener.user.preferences
    rows, strengths = history.liked_rows, history.liked_strengths
    artists = artist_shares(rows, strengths, catalogue)
    genres = genre_shares(rows, strengths, catalogue)
    artists[catalogue.artist_names.known(wanted.artists)] += 1 / max(len(wanted.artists), 1)
    genres[catalogue.genre_names.known(wanted.genres)] += 1 / max(len(wanted.genres), 1)
    parts: Parts = {}
    if artists.any():
        parts["artist"] = ByCode(artists, catalogue.artists, catalogue.artist_counts)
    if genres.any():
        by_set = np.asarray(catalogue.genre_matrix @ genres, np.float32)
        parts["genre"] = ByCode(by_set, catalogue.genre_sets, catalogue.set_counts)
    audio = _audio(view, history)
    if audio is not None:
        parts["audio"] = audio
    return parts


def context(view: View, listener: Listener, ask: Ask) -> Parts:
    """What fits the moment: features near those of the activity, mood, hour and own habit."""
    if not ask.context.given:
        return {}
    local = zone(listener.user.timezone)
    wanted = moment(ask.context, listener.history, view.catalogue, local)
    if wanted is None:
        return {}
    return {"context": similarities(view.catalogue.features, wanted.target, wanted.weights)}


def trending(view: View, _listener: Listener, _ask: Ask) -> Parts:
    """What is played now."""
    return {"trending": view.trending} if view.catalogue.size else {}


# A pool of their own: a strategy that hangs takes no thread from the store. Four hops cost 120 µs
# this way and 420 µs through anyio.to_thread.
THREADS = ThreadPoolExecutor(16, thread_name_prefix="strategy")

STRATEGIES: Mapping[Strategy, Score] = {
    "collaborative": collaborative,
    "content": content,
    "context": context,
    "trending": trending,
}


async def retrieve(
    view: View,
    listener: Listener,
    ask: Ask,
    *,
    timeout_s: float,
    strategies: Mapping[Strategy, Score] = STRATEGIES,
) -> tuple[Parts, dict[str, Outcome]]:
    """Ask every strategy at once; what came in time, and what became of each."""
    loop = asyncio.get_running_loop()
    tasks = {
        name: loop.run_in_executor(THREADS, _usable, strategies[name], view, listener, ask)
        for name in ask.strategies
    }
    _, late = await asyncio.wait(tasks.values(), timeout=timeout_s)
    parts: Parts = {}
    outcomes: dict[str, Outcome] = {}
    for name, task in tasks.items():
        if task in late:
            task.cancel()
            outcomes[name] = "late"
        elif (error := task.exception()) is not None:
            log.error("strategy failed", strategy=name, exc_info=error)
            outcomes[name] = "failed"
        else:
            parts |= task.result()
            outcomes[name] = "ok" if task.result() else "skipped"
        if outcomes[name] != "skipped":
            metrics.STRATEGY_OUTCOMES.labels(name, outcomes[name]).inc()
    return parts, outcomes


def _usable(strategy: Score, view: View, listener: Listener, ask: Ask) -> Parts:
    """What the strategy says, if it can be blended: a wrong size or +inf is its own failure."""
    parts = strategy(view, listener, ask)
    for name, scores in parts.items():
        if size(scores) not in (None, view.catalogue.size) or not finite(scores):
            raise ValueError(f"{name} has another size than the catalogue, or a score of +inf")
    return parts


def _of_heard(scores: Array, view: View, model: Model) -> Array:
    """The same with NaN for every track that has nobody to be like."""
    out = np.full(view.catalogue.size, np.nan, np.float32)
    np.copyto(out[: model.tracks], scores, where=model.listener_counts > 0)
    return out


def _audio(view: View, history: History) -> Array | None:
    rows, strengths = history.liked_rows, history.liked_strengths
    if not len(rows):
        return None
    mean, _ = audio_means(rows, strengths, view.catalogue)
    known = np.isfinite(mean)
    if not AUDIO[known].any():
        return None
    target, weights = np.where(known, mean, 0), np.where(known, AUDIO, 0)
    return similarities(
        view.catalogue.features, target.astype(np.float32), weights.astype(np.float32)
    )
