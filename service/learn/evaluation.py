"""How good lists are on plays the model has not seen, through the very code that serves."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.sparse import csr_array

from core import evaluation
from core.diversity import diversity
from core.linear import ItemWeights
from core.neighbours import ByTrack
from core.topk import topk
from service.domain import Part, User
from service.model.catalogue import Catalogue
from service.model.current import View
from service.model.latent import NOTHING_LATENT, Latent
from service.model.version import BlendWeights, Listeners, Model
from service.profile.history import History
from service.recommend.ask import Ask, Listener
from service.recommend.ordering import order
from service.recommend.parts import Array, Parts, dense
from service.recommend.retrieval import Score, collaborative, content, trending
from service.recommend.scoring import WITHOUT_COLLABORATIVE, combine, total_from

STRATEGIES: tuple[Score, ...] = (collaborative, content, trending)
Only = Part | Literal["content"]
"""One part of a list, or all that is known without any listener but the one who asks."""
OF_PART: dict[Only, Score] = {
    "content": content,
    "collaborative": collaborative,
    "spectral": collaborative,
    "factors": collaborative,
    "online": collaborative,
    "artist": content,
    "genre": content,
    "audio": content,
    "trending": trending,
}
Shown = NDArray[np.int32]  # (users, k) rows, best first, padded with -1


class Quality(Struct, frozen=True, kw_only=True):
    """Means over users with at least one held-out play, and over everything shown."""

    recall: float
    ndcg: float
    mrr: float
    coverage: float
    gini: float
    novelty: float  # self-information: 0 everybody knows it, 1 one user does
    rarity: float  # the other novelty: 1 - listeners / users
    diversity: float  # of one list: 1 - cosine of two tracks' listeners


def listener_of(matrix: csr_array, user: int) -> Listener:
    """A row of interactions as somebody who asks."""
    part = slice(matrix.indptr[user], matrix.indptr[user + 1])
    rows = matrix.indices[part].astype(np.int32)
    strengths = matrix.data[part].astype(np.float32)
    history = History(
        rows=rows,
        strengths=strengths,
        plays=np.ones(len(rows), np.float32),
        disliked=np.empty(0, np.int32),
        listens=[],
    )
    return Listener(User(id=str(user)), history)


def parts_of(view: View, listener: Listener, only: Only | None = None) -> dict[Part, Array]:
    """What a list without context is made of, or one part of it, written out."""
    asked = STRATEGIES if only is None else [OF_PART[only]]
    parts: Parts = {}
    for strategy in asked:
        parts |= strategy(view, listener, Ask())
    size = view.catalogue.size
    return {
        name: dense(part, size) for name, part in parts.items() if only in (None, "content", name)
    }


def show(
    view: View,
    heard: csr_array,
    users: Sequence[int],
    k: int,
    *,
    only: Only | None = None,
    spaced: bool = False,
    among: int | None = None,
) -> Shown:
    """The lists of `users` without what they heard: of one part or all, artists spaced or not.

    With `among`, only the first so many rows may be shown.
    """
    blends = {"": _weights(view, only)}
    return show_each(view, heard, users, k, blends, only=only, spaced=spaced, among=among)[""]


def show_each(
    view: View,
    heard: csr_array,
    users: Sequence[int],
    k: int,
    blends: Mapping[str, BlendWeights],
    *,
    only: Only | None = None,
    spaced: bool = False,
    among: int | None = None,
) -> dict[str, Shown]:
    """What `show` returns for several blends of the same parts, which are asked once."""
    lists = {name: np.full((len(users), k), -1, np.int32) for name in blends}
    for place, user in enumerate(users):
        listener = listener_of(heard, user)
        parts = parts_of(view, listener, only)
        if not parts:
            continue
        allowed = np.arange(view.catalogue.size) < (among or view.catalogue.size)
        allowed[listener.history.rows] = False
        for name, weights in blends.items():
            scores = combine(parts, weights, view.catalogue.size)
            if spaced:
                rows, _ = order(total_from(scores), allowed, view.catalogue, k)
            else:
                rows, _ = topk(np.where(allowed, scores, -np.inf).astype(np.float32), k=k)
            lists[name][place, : len(rows)] = rows
    return lists


def _weights(view: View, only: Only | None) -> BlendWeights:
    if only == "content":
        return WITHOUT_COLLABORATIVE
    if only is not None:
        return BlendWeights(**{only: 1.0})
    return view.model.blend if view.model else BlendWeights()


def judge(shown: Shown, truth: csr_array, heard: csr_array) -> Quality:
    """Quality of lists; `truth` and `heard` have the rows that `shown` has."""
    wanted = truth_of(truth)
    listeners = np.bincount(heard.indices, minlength=heard.shape[1]).astype(np.int32)
    counts = np.bincount(shown[shown >= 0], minlength=heard.shape[1])
    return Quality(
        recall=float(np.nanmean(evaluation.recall(shown, wanted))),
        ndcg=float(np.nanmean(evaluation.ndcg(shown, wanted))),
        mrr=float(np.nanmean(evaluation.mrr(shown, wanted))),
        coverage=evaluation.coverage(shown, heard.shape[1]),
        gini=evaluation.gini(counts) if counts.any() else float("nan"),  # nothing was shown
        novelty=evaluation.novelty(shown, listeners, heard.shape[0]),
        rarity=evaluation.rarity(shown, listeners, heard.shape[0]),
        diversity=_mean(diversity(shown, heard)),
    )


def _mean(values: NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")


def truth_of(matrix: csr_array) -> evaluation.Truth:
    """The non-zero entries of a matrix as what should have been shown."""
    return evaluation.Truth(matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32))


def view_of(
    items: ItemWeights,
    heard: csr_array,
    catalogue: Catalogue,
    blend: BlendWeights,
    *,
    latent: Latent = NOTHING_LATENT,
) -> View:
    """A trial model as something that can be asked; what trends is who is liked by most."""
    model = trial_model(items, heard, blend, latent=latent)
    trend = np.log1p(model.listener_counts, dtype=np.float32)
    return View(catalogue, model, trend, online=latent.online)


def trial_model(
    items: ItemWeights, matrix: csr_array, blend: BlendWeights, *, latent: Latent = NOTHING_LATENT
) -> Model:
    """A model that only exists to be judged: no listeners to compare, no version to keep."""
    empty = np.empty(0, np.float32)
    return Model(
        version="trial",
        fitted_at=datetime.now(UTC),
        tracks=matrix.shape[1],
        items=items,
        listener_counts=np.bincount(matrix.indices, minlength=matrix.shape[1]).astype(np.int32),
        listeners=Listeners(
            ids=[],
            norms=empty,
            by_track=ByTrack(
                np.zeros(matrix.shape[1] + 1, np.int64), empty.astype(np.int32), empty
            ),
        ),
        latent=latent,
        blend=blend,
    )
