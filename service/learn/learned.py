"""What online learning has made of the events so far: all of it, and nothing that reads or writes.

One order of events gives one state, to the bit, in whatever batches it comes. Users and listens are
known by 64-bit digests, so that no name of anybody is in a snapshot; users' factors only steer the
steps of tracks (a list folds its listener in), and one user's go without a trace.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from core import sgd
from core.arrays import F32, I32
from core.recent import Recent
from core.sgd import BiasedFactors
from service import metrics
from service.bus import START, ExposureLogged
from service.domain import Listen, is_somebody
from service.learn.allowance import Allowance
from service.learn.batch import Batch, batch_of, digest, digests
from service.learn.pricing import stepped
from service.learn.shown_lists import ShownLists
from service.learn.steps import RATE, Guard, Steps, learn, length, mixed, spread
from service.model.catalogue import Catalogue
from service.model.latent import Online
from service.model.trending import TREND_ACTIONS, Trending, trends
from service.model.version import Model
from service.profile.strength import strength
from service.recommend.latent import PASSES
from service.recommend.latent import RATE as FOLD_RATE
from service.recommend.latent import REG as FOLD_REG

RECENT = 2_000_000
"""Listens that are known when they come again: 50 MB."""
LEAST_ROOM = 1_024
AT_ONCE = 1_000_000
NOBODY = 0
"""The group of what is no user's."""


class Played(Struct, frozen=True):
    """What a batch says about the world rather than about tastes."""

    rows: I32  # of tracks that were played
    errors: F32  # how far off each usable listen was predicted, before it was learned from


class Learned:
    """The state. Whoever hands it out copies first."""

    def __init__(self, landmark: datetime, *, recent: int = RECENT) -> None:
        self.place, self.mark = START, ""  # the last event of the stream, of the store's log
        self.version: str | None = None  # of the model it goes on from
        self.trending = Trending(landmark)
        self.recent, self._room = Recent(recent), recent
        self.allowance, self.lists = Allowance(), ShownLists()
        self.prices: NDArray[np.float32] | None = None
        self.guard = Guard()
        self.users: dict[int, int] = {}  # digest -> row, each row given once
        self.rows = 0  # of users, given so far
        self.forgot = False  # somebody, since the last snapshot
        self.factors: BiasedFactors | None = None  # with room for more users
        self.trended: list[NDArray[np.int64]] = []  # rows that changed since they were taken,
        self.moved: list[NDArray[np.int32]] = []  # here by steps of learning
        self.repriced = False

    def rebase(self, model: Model | None) -> None:
        """Go on from this model: its factors, its prices; what trends and what is known stays."""
        self.version = None if model is None else model.version
        self.prices = None if model is None or model.prices is None else model.prices.values.copy()
        self.repriced = False
        self.users, self.rows, self.factors, self.guard, self.moved = {}, 0, None, Guard(), []
        metrics.LEARNING_STOPPED.set(0)
        if model is not None and model.latent.online is not None:
            self.users = {digest(user): row for row, user in enumerate(model.listeners.ids)}
            self.rows = len(model.listeners.ids)
            self.factors = _folded(model, model.latent.online)
            self.guard.usual = length(self.factors.users, self.factors.tracks)

    def hear(
        self, listens: Sequence[Listen], catalogue: Catalogue, *, rate: float = RATE
    ) -> Played:
        """Count and learn from the listens that were not heard before; probes' are left out."""
        listens = [one for one in listens if is_somebody(one.user_id)]
        keys, users = digests(listens)
        new = self.recent.add(keys, users)
        if not new.all():
            listens = [listens[at] for at in np.flatnonzero(new).tolist()]
        batch = batch_of(listens, keys[new], users[new], catalogue)
        errors = self._learn(batch, self._count(batch), rate=rate)
        played = [one.action == "play" for one in batch.listens]
        applied = len(batch.listens)
        metrics.LEARNED.labels("known").inc(keys.size - len(listens))
        metrics.LEARNED.labels("unusable").inc(len(listens) - applied)
        metrics.LEARNED.labels("applied").inc(applied)
        return Played(batch.rows[np.array(played, np.bool_)], errors)

    def relearn(
        self, listens: Sequence[Listen], catalogue: Catalogue, allowance: Allowance
    ) -> None:
        """Learn from listens that are counted already: those since the fit of a new model."""
        listens = [one for one in listens if is_somebody(one.user_id)]
        batch = batch_of(listens, *digests(listens), catalogue)
        self._learn(batch, _shares(batch, _more(batch, allowance)), rate=RATE)

    def note(self, listens: Sequence[Listen]) -> None:
        """These have been counted: drop them when they come again."""
        self.recent.add(*digests(listens))

    def forget(self, user_id: str) -> None:
        """Nothing is kept of this user; of what they taught tracks nobody could tell whose it is.

        Their row stays empty until the next model.
        """
        key = digest(user_id)
        self.recent.forget(key)
        self.forgot = True
        self.allowance.keep_only(key.__ne__)
        self._erase(key)

    def keep_only(self, users: AbstractSet[int]) -> None:
        """Forget whoever is not among these digests."""
        keys, groups = self.recent.held()
        stay = np.isin(groups, np.array([NOBODY, *users], np.uint64))
        if not stay.all():
            fresh = Recent(self._room)
            fresh.add(keys[stay], groups[stay])
            self.recent = fresh
        self.allowance.keep_only(users.__contains__)
        for key in self.users.keys() - users:
            self._erase(key)

    def learn_prices(self, fact: ExposureLogged, catalogue: Catalogue, model: Model) -> None:
        """One step of the prices for what was shown, once however often the batch comes."""
        batch = np.array([digest(fact.batch_id)], np.uint64)
        if not self.recent.add(batch, np.array([NOBODY], np.uint64))[0]:
            return
        shown = self.lists.shown(fact, catalogue, model.tracks)
        if self.prices is not None and model.prices is not None and shown.any():
            self.prices = stepped(model.prices, self.prices, shown)
            self.repriced = True

    def _count(self, batch: Batch) -> F32:
        """Count what trends; what share of each listen counts for others."""
        more = _more(batch, self.allowance)
        due: list[tuple[int, datetime, float]] = []
        supported = {row for row in batch.rows.tolist() if self.trending.has(row)}
        for one, row, user, count in zip(
            batch.listens, batch.rows.tolist(), batch.users.tolist(), more, strict=True
        ):
            if not count or not trends(one):
                continue
            if row in supported:
                due.append((row, one.at, count))
                continue
            ready = self.allowance.wait(row, (user, one.at.timestamp(), count))
            for _, at, waited in ready:
                due.append((row, datetime.fromtimestamp(at, UTC), waited))
                supported.add(row)
        if due:
            self.trended.append(self.trending.add(due))
        return _shares(batch, more)

    def _learn(self, batch: Batch, shares: F32, *, rate: float) -> F32:
        """How far off the prediction of each listen was."""
        if self.factors is None or self.guard.stopped or not batch.listens:
            return np.empty(0, np.float32)
        strengths = np.array(list(map(strength, batch.listens, batch.durations)), np.float32)
        users = np.array([self._row_of(key) for key in batch.users.tolist()], np.int32)
        self.factors = _with_room(self.factors, self.rows, int(batch.rows.max()) + 1)
        steps = Steps(batch.keys, users, batch.rows, np.clip(strengths, -1, 1), shares)
        predicted = sgd.predict(self.factors, steps.users, steps.tracks)
        errors: F32 = np.abs(steps.targets - predicted)
        self.moved.append(learn(self.factors, steps, self.guard, rate=rate))
        return errors

    def _erase(self, key: int) -> None:
        row = self.users.pop(key, None)
        if row is not None and self.factors is not None:
            self.factors.users[row], self.factors.user_biases[row] = 0, 0

    def _row_of(self, key: int) -> int:
        row = self.users.get(key)
        if row is None:
            row = self.users[key] = self.rows
            self.rows += 1
        return row


def _more(batch: Batch, allowance: Allowance) -> list[int]:
    """What each listen adds to what its user's plays of a day count; 1 for what is said against."""
    columns = zip(
        batch.listens, batch.users.tolist(), batch.rows.tolist(), batch.durations, strict=True
    )
    return [
        allowance.more(one, user, row, duration) if one.action in TREND_ACTIONS else 1
        for one, user, row, duration in columns
    ]


def _shares(batch: Batch, more: list[int]) -> F32:
    """float32 (m,), 0 to 1."""
    return np.array(
        [min(count / one.plays, 1.0) for one, count in zip(batch.listens, more, strict=True)],
        np.float32,
    )


def _folded(model: Model, online: Online) -> BiasedFactors:
    """The model's factors, and its listeners' as its own likes give them, tracks standing still."""
    by_track = model.listeners.by_track
    users = len(model.listeners.ids)
    factors = BiasedFactors(
        np.zeros((users, online.tracks.shape[1]), np.float32),
        np.array(online.tracks, np.float32),
        np.zeros(users, np.float32),
        np.array(online.biases, np.float32),
        np.array(online.mean, np.float32),
    )
    counts = np.diff(by_track.indptr)
    rows = np.repeat(np.arange(counts.size, dtype=np.int32), counts)
    keys = mixed(np.arange(1, rows.size + 1, dtype=np.uint64))
    order = np.argsort(keys)
    likers, likes = by_track.users, by_track.values
    for _ in range(PASSES):
        for start in range(0, order.size, AT_ONCE):
            some = order[start : start + AT_ONCE]
            even = np.ones(some.size, np.float32)
            steps = Steps(keys[some], likers[some], rows[some], likes[some], even)
            of_users, tracks, targets, weights = spread(steps, len(factors.tracks))
            sgd.learn(
                factors, of_users, tracks, targets, weights=weights,
                learning_rate=FOLD_RATE, reg=FOLD_REG,
                frozen_tracks=np.ones(len(factors.tracks), np.bool_), frozen_mean=True,
            )  # fmt: skip
        keys = mixed(keys)
    return factors


def _with_room(factors: BiasedFactors, users: int, tracks: int) -> BiasedFactors:
    """The same with room for so many of both; what is new starts at 0."""
    if users > len(factors.users):
        size = max(LEAST_ROOM, users + users // 2)
        of_users = _longer(factors.users, size), _longer(factors.user_biases, size)
    else:
        of_users = factors.users, factors.user_biases
    of_tracks = _longer(factors.tracks, tracks), _longer(factors.track_biases, tracks)
    if of_users[0] is factors.users and of_tracks[0] is factors.tracks:
        return factors
    return BiasedFactors(of_users[0], of_tracks[0], of_users[1], of_tracks[1], factors.mean)


def _longer(array: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    if size <= len(array):
        return array
    longer = np.zeros((size, *array.shape[1:]), np.float32)
    longer[: len(array)] = array
    return longer
