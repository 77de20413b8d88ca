"""What everybody is playing right now. Of this process, and gone when it ends."""

from collections.abc import Callable
from time import monotonic

from msgspec import Struct

from service.doors.listenbrainz.submission import Played

UNKNOWN_S = 600.0
"""How long a track of unknown length is taken to play."""
MOST = 10_000


class Playing(Struct, frozen=True):
    """Until when."""

    played: Played
    until: float


class NowPlaying:
    """At most one track of each user."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock, self._playing = clock, dict[str, Playing]()

    def put(self, user_id: str, played: Played) -> None:
        """They play this; the same again changes nothing, as players say it often."""
        now = self.of(user_id)
        if now is not None and now.claim.msid == played.claim.msid:
            return
        if len(self._playing) >= MOST:
            self._playing = {user: one for user, one in self._playing.items() if self._on(one)}
        if len(self._playing) < MOST:
            duration_ms = played.claim.duration_ms
            lasts_s = duration_ms / 1_000 if duration_ms else UNKNOWN_S
            self._playing[user_id] = Playing(played, self._clock() + lasts_s)

    def of(self, user_id: str) -> Played | None:
        """What they play, while it lasts."""
        playing = self._playing.get(user_id)
        return playing.played if playing is not None and self._on(playing) else None

    def forget(self, user_id: str) -> None:
        """They stopped."""
        self._playing.pop(user_id, None)

    def _on(self, playing: Playing) -> bool:
        return self._clock() < playing.until
