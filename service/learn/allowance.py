"""What a listen counts for others as it comes: a loop is a logarithm, a touch nothing.

The rules are those of `service.learn.guards` and `Store.hourly_plays`, which see whole days; here
they are kept as state: how often a user played a track on a day, and the plays that wait until
`SUPPORT` users have played a track that nobody knew. Both are bounded, and what was touched longest
ago goes first: a loop is touched all the time.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable

from service.domain import SUPPORT, Listen, counted
from service.learn.guards import heard

MOST_PLAYED = 200_000
MOST_WAITING = 50_000
MOST_OF_TRACK = 16
"""Plays that wait of one track, the newest: two users who play it for weeks make no long list."""
DAY_S = 86_400
NO_DAY = 0  # 1970: no listen is that old

Day = tuple[int, int, int]  # digest of a user, row, days since 1970
Waiting = tuple[int, float, int]  # digest of a user, Unix time, what it counts


class Allowance:
    """The plays of each user, track and day so far, and by row those that wait."""

    def __init__(self) -> None:
        self.played: OrderedDict[Day, int] = OrderedDict()
        self.waiting: OrderedDict[int, list[Waiting]] = OrderedDict()

    def more(self, listen: Listen, user: int, row: int, duration_ms: int) -> int:
        """What this listen adds to what its user's plays of the track count on that day.

        A verdict in so many words, and a play whose length nobody knows, is more than a touch.
        """
        if not heard(listen, duration_ms):
            return 0
        day = int(listen.at.timestamp()) // DAY_S if listen.timed else NO_DAY
        before = self.played.get((user, row, day), 0)
        self.played[user, row, day] = before + listen.plays
        self.played.move_to_end((user, row, day))
        if len(self.played) > MOST_PLAYED:
            self.played.popitem(last=False)
        if not before and listen.plays == 1:  # nearly all of them
            return 1
        return counted(before + listen.plays) - counted(before)

    def keep_only(self, stays: Callable[[int], bool]) -> None:
        """Forget what users did who do not stay."""
        for day in [day for day in self.played if not stays(day[0])]:
            del self.played[day]
        for row, some in list(self.waiting.items()):
            kept = [one for one in some if stays(one[0])]
            if kept:
                self.waiting[row] = kept
            else:
                del self.waiting[row]

    def wait(self, row: int, one: Waiting) -> Iterable[Waiting]:
        """Let a play of an unknown track wait; all that wait, once there are enough users."""
        waiting = self.waiting.setdefault(row, [])
        waiting.append(one)
        self.waiting.move_to_end(row)
        if len({user for user, _, _ in waiting}) >= SUPPORT:
            return self.waiting.pop(row)
        del waiting[:-MOST_OF_TRACK]
        if len(self.waiting) > MOST_WAITING:
            self.waiting.popitem(last=False)
        return ()
