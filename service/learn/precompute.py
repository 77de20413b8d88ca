"""Work ahead of the request: lists, profiles and neighbours of those who will ask soon."""

import numpy as np

from service.errors import ModelNotReady, UnknownUser
from service.jobs import Progress
from service.learn.accounts import Accounts
from service.model.current import Current
from service.recommend.ask import Ask
from service.recommend.neighbourhood import Neighbourhood
from service.recommend.recommender import Recommender

ACTIVE = 500
"""Listeners that are served ahead: at 4 ms a list, two seconds of one core."""
NEIGHBOURS, LEAST = 50, 0.6
"""What GET /v1/users/{id}/similar takes by default."""


class Precompute:
    """Asks what listeners will ask, so that every cache on the way has the answer."""

    def __init__(
        self,
        current: Current,
        accounts: Accounts,
        recommender: Recommender,
        neighbourhood: Neighbourhood,
    ) -> None:
        self._current, self._accounts = current, accounts
        self._recommender, self._neighbourhood = recommender, neighbourhood

    async def user(self, user_id: str) -> None:
        """The list of one listener, as it is asked for without parameters.

        Raises:
            UnknownUser: nobody by this id has listened or set anything.
        """
        await self._accounts.profile(user_id)
        await self._recommender.for_user(user_id, Ask())

    async def lists(self, progress: Progress) -> None:
        """The lists of the most active listeners."""
        active = self.active()
        for done, user_id in enumerate(active, 1):
            await self._recommender.for_user(user_id, Ask())
            progress(done / len(active))

    async def profiles(self, progress: Progress) -> None:
        """The profiles of the most active listeners; those erased since the fit are left out."""
        active = self.active()
        for done, user_id in enumerate(active, 1):
            try:
                await self._accounts.profile(user_id)
            except UnknownUser:
                continue
            progress(done / len(active))

    async def neighbours(self, progress: Progress) -> None:
        """The neighbours of the most active listeners; those erased since the fit are left out."""
        active = self.active()
        for done, user_id in enumerate(active, 1):
            try:
                await self._neighbourhood.of(user_id, limit=NEIGHBOURS, least=LEAST)
            except UnknownUser:
                continue
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
        return [listeners.ids[row] for row in np.argsort(-likes, kind="stable")[:ACTIVE]]
