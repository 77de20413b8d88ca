"""The newest known rev of every user this process has served, so that a hit needs no read."""

from collections.abc import Callable

from moka_py import Moka

MOST_USERS = 200_000
MOST_HEARD = 1_000_000
"""Numbers kept between two looks; with more, it is as if nobody had told anything."""


class Revs:
    """User id to rev. Only ever learns newer ones, whatever order reads and facts arrive in.

    It is the floor of the local level: nothing below it is served or kept.
    """

    def __init__(self, most: int = MOST_USERS) -> None:
        self._revs: Moka[str, int] = Moka(most, policy="lru")  # below 0: erased, was that rev
        self.forgotten = 0  # times something was forgotten
        self._counted: int | None = None  # up to here every number is accounted for
        self._heard: set[int] = set()  # numbers beyond
        self.floor: Callable[[str], int | None] = self._revs.get  # a frame less on every hit

    def get(self, user_id: str) -> int | None:
        """The newest rev heard of; None means: ask the store."""
        rev = self._revs.get(user_id)
        return None if rev is None or rev < 0 else rev

    def learn(self, user_id: str, rev: int, *, as_of: int | None = None) -> None:
        """Remember `rev` unless a newer one is known.

        Whoever read it from the store says as of which `forgotten` the reading began: what was
        forgotten since must not come back.
        """
        if as_of is not None and as_of != self.forgotten:
            return
        news = self._counted is None or rev > self._counted  # else it is of no use to `heard_all`
        if news and len(self._heard) < MOST_HEARD:
            self._heard.add(rev)
        known = self._revs.get(user_id)
        if known is None or abs(known) < rev:
            self._revs.set(user_id, rev)

    def count_from(self, number: int) -> None:
        """Nothing is known of before: writes up to this number need not be heard of."""
        if self._counted is None:
            self._counted = number

    def heard_all(self, last: int, *, patient: bool = False) -> bool:
        """Whether every number up to `last` was a rev heard of; a gap is what nobody told.

        `patient`: it may be told yet, and is asked for again.
        """
        since = self._counted
        told = since is not None and self._heard.issuperset(range(since + 1, last + 1))
        if told or not patient:
            self._counted = last
            self._heard = {number for number in self._heard if number > last}
        return told

    def forget(self, user_id: str) -> None:
        """The user was erased: ask the store next time, and believe no late word of an old rev."""
        self.forgotten += 1
        known = self._revs.get(user_id)
        if known is not None:
            self._revs.set(user_id, -abs(known))

    def forget_all(self) -> None:
        """Ask the store for everybody: somebody else may have written."""
        self.forgotten += 1
        self._revs.clear()
