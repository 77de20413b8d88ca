"""How much one listen says about taste: the one table of constants, shared by serving and training.

| action  | strength                                                                    |
|---------|-----------------------------------------------------------------------------|
| play    | 1 from half the track or 4 minutes on, below that in proportion             |
| skip    | -0.5 at the very start (under 30 s), fading to 0 towards the end of the track |
| like    | 1.0                                                                         |
| save    | 1.2                                                                         |
| dislike | -1                                                                          |
| rating  | -1 at half a star, 0 at 2.75, 1 at five stars                               |

A dislike or a low rating outweighs all that came before it. A play without `ms_played` counts 1:
players that cannot say how long report real listens only.
"""

from service.domain import Listen

FULL_SHARE = 0.5
FULL_MS = 240_000
SKIP_MS = 30_000
SKIP = -0.5
VERDICTS = {"like": 1.0, "save": 1.2, "dislike": -1.0}
MIDDLE_RATING, RATING_SPAN = 2.75, 2.25
TYPICAL_MS = 210_000  # stands in for an unknown duration


def strength(listen: Listen, duration_ms: int) -> float:
    """Strength of one listen, times its plays; `duration_ms` 0 means unknown."""
    return listen.plays * _single(listen, duration_ms or TYPICAL_MS)


def verdict(listen: Listen) -> bool | None:
    """What the user said in so many words: True for it, False against it, None nothing said."""
    if listen.action in ("like", "save"):
        return True
    if listen.action == "dislike":
        return False
    if listen.action == "rating" and listen.rating is not None:
        return listen.rating > MIDDLE_RATING
    return None


def _single(listen: Listen, duration_ms: int) -> float:
    match listen.action:
        case "play":
            return _play(listen.ms_played, duration_ms)
        case "skip":
            return _skip(listen.ms_played, duration_ms)
        case "rating":
            return ((listen.rating or MIDDLE_RATING) - MIDDLE_RATING) / RATING_SPAN
        case _:
            return VERDICTS[listen.action]


def _play(ms_played: int | None, duration_ms: int) -> float:
    needed = min(FULL_SHARE * duration_ms, FULL_MS)
    return 1.0 if ms_played is None else min(ms_played / needed, 1.0)


def _skip(ms_played: int | None, duration_ms: int) -> float:
    if ms_played is None or ms_played < SKIP_MS:
        return SKIP
    return SKIP * (1 - min(ms_played / duration_ms, 1))
