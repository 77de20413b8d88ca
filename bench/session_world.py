"""The generated demo world cut in time: a model of what was, and moments to look ahead from."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import anyio
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from core import evaluation
from service.domain import Listen, User
from service.doors.demo import world
from service.learn.interactions import read_interactions
from service.learn.training import fit_model
from service.model.catalogue import Catalogue, empty_catalogue
from service.model.current import View
from service.model.version import Model
from service.profile.history import NEWEST, fold
from service.profile.session import GAP
from service.recommend.ask import Listener

NOW = datetime(2026, 11, 1, tzinfo=UTC)
CUT = NOW - timedelta(days=14)  # the model knows what was before, moments lie after
AHEAD = timedelta(days=2)
K = 20


class Moment(Struct, frozen=True):
    """Somebody at some time, and what they go on to play soon."""

    user: User
    now: datetime
    past: list[Listen]  # newest first, at most 500
    played: NDArray[np.int32]  # distinct rows


class Fitted(Struct, frozen=True):
    """The world, and a model of what was before the cut."""

    view: View
    users: list[User]
    listens: dict[str, list[Listen]]  # by user, oldest first


def fitted(*, quick: bool) -> Fitted:
    """Generate, cut, fit: a minute, a few seconds when `quick`."""
    size = {"tracks": 1_500, "listeners": 300, "listens": 30_000} if quick else {}
    made = world(now=NOW, **size)
    catalogue = empty_catalogue().with_tracks(made.tracks)
    by_user: dict[str, list[Listen]] = defaultdict(list)
    for listen in made.listens:
        by_user[listen.user_id].append(listen)
    before = [one for listens in by_user.values() for one in listens if one.at < CUT]
    model = anyio.run(_fit, before, catalogue)
    plays = np.bincount([catalogue.rows[one.track_id] for one in before], minlength=catalogue.size)
    return Fitted(View(catalogue, model, np.log1p(plays, dtype=np.float32)), made.users, by_user)


def halves(
    made: Fitted, *, skipped: bool, ahead: timedelta = AHEAD
) -> tuple[list[Moment], list[Moment]]:
    """A moment of each listener: half of them to choose constants on, half to judge.

    `skipped`: right after the last skip that further listens follow within the session.
    """
    found: tuple[list[Moment], list[Moment]] = ([], [])
    for number, user in enumerate(made.users):
        moment = _moment(user, made.listens[user.id], made.view, skipped=skipped, ahead=ahead)
        if moment is not None:
            found[number % 2].append(moment)
    return found


def listener(moment: Moment, view: View) -> Listener:
    """Who asks at that moment."""
    return Listener(moment.user, fold(moment.past, view.catalogue), moment.now)


def ndcg(
    lists: Sequence[NDArray[np.int32]], played: Sequence[NDArray[np.int32]]
) -> NDArray[np.float64]:
    """NDCG@20 of each list against what was played; NaN where nothing was."""
    shown = np.full((len(lists), K), evaluation.PADDING, np.int32)
    for place, rows in enumerate(lists):
        shown[place, : len(rows)] = rows[:K]
    sizes = np.cumsum([0, *map(len, played)])
    wanted = evaluation.Truth(sizes.astype(np.int64), np.concatenate(played).astype(np.int32))
    return evaluation.ndcg(shown, wanted)


def interval(gains: NDArray[np.float64]) -> tuple[float, float, float]:
    """Mean of paired gains and its 95 % bootstrap interval over listeners."""
    known = gains[np.isfinite(gains)]
    rng = np.random.default_rng(0)
    means = known[rng.integers(known.size, size=(2_000, known.size))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(known.mean()), float(low), float(high)


async def _fit(before: list[Listen], catalogue: Catalogue) -> Model:
    async def batches() -> AsyncIterator[list[Listen]]:
        yield before

    interactions = await read_interactions(batches(), catalogue)
    return fit_model(
        interactions, catalogue, version="bench", fitted_at=CUT, progress=lambda _share: None
    )


def _moment(
    user: User, listens: list[Listen], view: View, *, skipped: bool, ahead: timedelta
) -> Moment | None:
    for at in range(len(listens) - 2, 0, -1):
        one = listens[at]
        if one.at < CUT or one.at + ahead > NOW:
            continue
        soon = [later for later in listens[at + 1 :] if later.at - one.at <= ahead]
        played = {view.catalogue.rows[x.track_id] for x in soon if x.action == "play"}
        if not played or (skipped and (one.action != "skip" or soon[0].at - one.at > GAP)):
            continue
        past = listens[max(0, at + 1 - NEWEST) : at + 1][::-1]
        return Moment(user, one.at, past, np.array(sorted(played), np.int32))
    return None
