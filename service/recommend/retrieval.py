"""Four strategies, each scoring the whole catalogue: who is near, and by which measure.

A strategy returns its parts (`recommend.parts`): content measures artist, genre and audio apart.
A part has no score where it has nothing to say about a track; a strategy with nothing to say at all
returns no part.
"""

from collections.abc import Callable, Mapping

import numpy as np
from msgspec import structs

from core.linear import score
from service.domain import Strategy
from service.model.current import View
from service.model.version import Model
from service.profile.clock import zone
from service.recommend.ask import Ask, Listener
from service.recommend.context import moment
from service.recommend.latent import latent_scores
from service.recommend.parts import Array, Known, Parts, Sound, Sparse
from service.recommend.taste import parts_of, taste_of

Score = Callable[[View, Listener, Ask], Parts]


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
    near = score(model.items, rows, strengths, size=view.catalogue.size)
    found: Parts = {"collaborative": Sparse(near, model.heard, model.many_heard)}
    latent = structs.replace(model.latent, online=view.online)
    for name, scores in latent_scores(latent, rows, strengths).items():
        found[name] = _heard(scores, view, model) if isinstance(scores, np.ndarray) else scores
    return found


def _heard(scores: Array, view: View, model: Model) -> Array:
    """The same with NaN for every track that has nobody to be like."""
    out = np.full(view.catalogue.size, np.nan, np.float32)
    np.copyto(out[: model.tracks], scores[: model.tracks], where=model.heard)
    if view.online is not None:  # of a track since the fit, once somebody liked it
        news = slice(model.tracks, min(scores.size, out.size))
        np.copyto(out[news], scores[news], where=view.online.biases[news] > 0)
    return out


def content(view: View, listener: Listener, _ask: Ask) -> Parts:
    """The same artists, the same genres, the same sound."""
    return parts_of(taste_of(view, listener), view.catalogue)


def context(view: View, listener: Listener, ask: Ask) -> Parts:
    """What fits the moment: features near those of the activity, mood, hour and own habit."""
    if not ask.context.given:
        return {}
    local = zone(listener.user.timezone)
    wanted = moment(ask.context, listener.history, view.catalogue, local)
    if wanted is None:
        return {}
    return {"context": Sound(view.catalogue, wanted.target, wanted.weights)}


def trending(view: View, _listener: Listener, _ask: Ask) -> Parts:
    """What is played now."""
    if not view.catalogue.size:
        return {}
    return {"trending": Known(view.trending, *view.trend)}


STRATEGIES: Mapping[Strategy, Score] = {
    "collaborative": collaborative,
    "content": content,
    "context": context,
    "trending": trending,
}
