"""What another configuration would have earned, from the lists that were shown.

For every list that was kept, the other configuration makes its own for the same listener as they
were then. Each place of the shown list is a sample: whether its track was played, how likely it was
to be there, and how likely the other configuration puts it there. What the other one shows and
nobody was shown is known of only as far as places were drawn by lot (`explored`); how much of its
lists the log covers is told beside the estimate.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np
from msgspec import Struct, structs

from service.domain import ShownList, User, Value
from service.errors import Invalid
from service.experiments.arms import NO_ARMS
from service.experiments.observed import CLICK_MS, heard
from service.experiments.off_policy import OffPolicy, off_policy
from service.model.current import View
from service.profile.history import NEWEST, fold
from service.recommend.ask import Ask, Listener
from service.recommend.exploring import widened
from service.recommend.pipeline import rank
from service.recommend.tuning import Tuning, tuning_of
from service.store import Store

DAY = timedelta(milliseconds=CLICK_MS)
LATER = 1_000
"""Listens of one user after the end of what is looked at, among which the plays of lists are."""
FEWEST = 2
THIN_COVER = 0.9


class Estimate(Struct, frozen=True, kw_only=True):
    """Plays of 30 s within a day, per place of a list: of what was shown, and of the other."""

    lists: int
    places: int
    shown: float
    other: OffPolicy
    covered: float  # of the places of the other's lists; 1: the log knows them all

    @property
    def thin(self) -> bool:
        """Whether the log says too little of the other configuration to go by."""
        return bool(self.other.thin) or self.covered < THIN_COVER


async def estimate(
    store: Store,
    view: View,
    settings: Mapping[str, Value],
    lists: Sequence[ShownList],
    *,
    balance: float,
    progress: Callable[[float], object] = lambda _: None,
) -> Estimate:
    """Estimate what these settings would have earned on these lists, by the model of `view`.

    Raises:
        Invalid: a setting is none, or there are too few places to say anything.
        StoreUnavailable
    """
    tuning = tuning_of(settings)
    rewards, logged, wanted = list[float](), list[float](), list[float]()
    for done, shown in enumerate(lists, 1):
        user = await store.user(shown.user_id) or User(id=shown.user_id)
        chances = await _chances(store, view, user, shown, tuning, balance=balance)
        played = await _played(store, shown)
        rewards += [float(one in played) for one in shown.track_ids]
        logged += shown.propensities
        wanted += [chances.get(one, 0.0) for one in shown.track_ids]
        progress(done / len(lists))
    if len(rewards) < FEWEST:
        raise Invalid("no list was shown that could be learned from: is an experiment running?")
    reward, was, would = (np.array(one) for one in (rewards, logged, wanted))
    return Estimate(
        lists=len(lists),
        places=reward.size,
        shown=float(reward.mean()),
        other=off_policy(reward, was, would),
        covered=min(float((would / was).mean()), 1.0),
    )


async def _chances(
    store: Store, view: View, user: User, shown: ShownList, tuning: Tuning, *, balance: float
) -> dict[str, float]:
    """How likely each track is to be on the other list, by the lot it would draw."""
    before = await store.recent(user.id, NEWEST, before=(shown.at, ""))
    listener = Listener(user, fold(before, view.catalogue), shown.at)
    limit = max(len(shown.track_ids), 1)
    wide = widened(Ask(limit=limit, tuning=tuning)).limit
    ask = Ask(limit=wide, explain=False)
    sure = structs.replace(tuning, explored=0)
    ranking = await rank(view, listener, ask.of(NO_ARMS, sure, balance=balance), timeout_s=5.0)
    ids = [one.track.id for one in ranking.recommendations]
    explored = min(tuning.explored, limit)
    certain, pool = ids[: limit - explored], ids[limit - explored :]
    chance = min(explored / len(pool), 1.0) if pool else 0.0
    return dict.fromkeys(pool, chance) | dict.fromkeys(certain, 1.0)


async def _played(store: Store, shown: ShownList) -> set[str]:
    """Tracks of a list that were played from it within a day."""
    end: tuple[datetime, str] = (shown.at + DAY, "~")
    after = await store.recent(shown.user_id, LATER, before=end)
    return {
        one.track_id
        for one in after
        if one.list_id == shown.list_id and one.at >= shown.at and heard(one)
    }
