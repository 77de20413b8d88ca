"""The newest known rev of every user this process has served, so that a hit needs no read."""

from moka_py import Moka

MOST_USERS = 200_000


class Revs:
    """User id to rev. Only ever learns newer ones, whatever order reads and facts arrive in."""

    def __init__(self, most: int = MOST_USERS) -> None:
        self._revs: Moka[str, int] = Moka(most, policy="lru")
        self.forgotten = 0  # times something was forgotten

    def get(self, user_id: str) -> int | None:
        """The newest rev heard of; None means: ask the store."""
        return self._revs.get(user_id)

    def learn(self, user_id: str, rev: int, *, as_of: int | None = None) -> None:
        """Remember `rev` unless a newer one is known.

        Whoever read it from the store says as of which `forgotten` the reading began: what was
        forgotten since must not come back.
        """
        if as_of is not None and as_of != self.forgotten:
            return
        known = self._revs.get(user_id)
        if known is None or known < rev:
            self._revs.set(user_id, rev)

    def forget(self, user_id: str) -> None:
        """Ask the store next time."""
        self.forgotten += 1
        self._revs.remove(user_id)

    def forget_all(self) -> None:
        """Ask the store for everybody: somebody else may have written."""
        self.forgotten += 1
        self._revs.clear()
