"""Work ahead of the request: lists, profiles and neighbours of those who will ask soon."""

import msgspec
import numpy as np

from service.domain import Neighbour, StoredProfile
from service.errors import ModelNotReady, UnknownUser
from service.jobs import Progress
from service.learn.accounts import Accounts
from service.model.current import Current
from service.recommend.ask import Ask
from service.recommend.neighbourhood import Neighbourhood
from service.recommend.recommender import Recommender
from service.store import Store

ACTIVE = 500
"""Listeners that are served ahead: at 4 ms a list, two seconds of one core."""
NEIGHBOURS, LEAST = 50, 0.6
"""What GET /v1/users/{id}/similar takes by default."""


class Precompute:
    """Asks what listeners will ask, so that caches on the way have it; stores what others read."""

    def __init__(
        self,
        store: Store,
        current: Current,
        accounts: Accounts,
        recommender: Recommender,
        neighbourhood: Neighbourhood,
    ) -> None:
        self._store, self._current, self._accounts = store, current, accounts
        self._recommender, self._neighbourhood = recommender, neighbourhood

    async def user(self, user_id: str) -> None:
        """The list of one listener, as it is asked for without parameters.

        Raises:
            UnknownUser: nobody by this id has listened or set anything.
        """
        await self._recommender.for_user(await self._accounts.known(user_id), Ask())

    async def lists(self, progress: Progress) -> None:
        """The lists of the most active listeners."""
        active = self.active()
        for done, user_id in enumerate(active, 1):
            await self._recommender.for_user(user_id, Ask())
            progress(done / len(active))

    async def profiles(self, progress: Progress) -> None:
        """Store the profiles of the most active listeners, but for those erased since the fit."""
        active = self.active()
        for done, user_id in enumerate(active, 1):
            try:
                profile = await self._accounts.profile(user_id)
            except UnknownUser:
                continue
            body = msgspec.json.encode(profile)
            await self._store.put_profile(StoredProfile(user_id, profile.rev, body))
            progress(done / len(active))

    async def neighbours(self, progress: Progress) -> None:
        """Store the neighbours of the most active listeners, but for those erased since the fit."""
        active = self.active()
        for done, user_id in enumerate(active, 1):
            user = await self._store.user(user_id)  # before its listens: never newer than they are
            if user is None:
                continue
            try:
                page = await self._neighbourhood.of(user_id, limit=NEIGHBOURS, least=LEAST)
            except UnknownUser:
                continue
            near = [Neighbour(one.user_id, one.score) for one in page.similar]
            await self._store.put_neighbours(user_id, user.rev, near)
            progress(done / len(active))

    def active(self) -> list[str]:
        """Who liked most tracks as of the last fit, at most `ACTIVE`, most active first.

        Raises:
            ModelNotReady
        """
        if self._current.model is None:
            raise ModelNotReady("no model has been fitted yet: nobody is known to be active")
        listeners = self._current.model.listeners
        likes = np.bincount(listeners.by_track.users, minlength=len(listeners.ids))
        most = np.argsort(-likes, kind="stable")[:ACTIVE]
        return [name for row in most if (name := listeners.ids[row])]  # nobody: erased since
