"""Order a list so that one artist does not crowd it and no work comes twice."""

import numpy as np

from core import checks
from core.arrays import I32
from core.kernel import kernel

UNKNOWN = -1  # artist code that conflicts with nothing, not even itself


def space(artists: I32, limit: int, *, gap: int, cap: int) -> I32:
    """Return which candidates to show, in order: int32 `(min(limit, m),)` positions in 0..m-1.

    Greedy: each place goes to the best candidate left whose artist has fewer than `cap` places and
    none of the last `gap`. If there is none, to the best one under the cap; if there is none
    either, to the best one left. So the list is as long as it can be, and equals the first
    candidates when no artist repeats.

    Args:
        artists: int32 `(m,)`, artist code of each candidate, best candidate first; -1 is unknown.
        limit: Places to fill, at least 1.
        gap: Places between two tracks of one artist, at least 0.
        cap: Places one artist may take, at least 1.

    Raises:
        ValueError: `artists` is not int32 `(m,)`, a code is below -1, or an option is too small.
    """
    artists = checks.ints("artists", artists, ("m",))
    if artists.min(initial=UNKNOWN) < UNKNOWN:
        raise ValueError(f"artists must be at least {UNKNOWN}, got {artists.min()}")
    out = np.empty(min(checks.whole("limit", limit, 1), artists.size), np.int32)
    _space(artists, checks.whole("gap", gap, 0), checks.whole("cap", cap, 1), out)
    return out


def distinct(works: I32) -> I32:
    """Return the first candidate of each work, in order: int32 `(d,)` positions in 0..m-1.

    Args:
        works: int32 `(m,)`, work code of each candidate, best candidate first: two recordings of
            one work share it. -1 is unknown, a work of its own.

    Raises:
        ValueError: `works` is not int32 `(m,)`, or a code is below -1.
    """
    works = checks.ints("works", works, ("m",))
    if works.min(initial=UNKNOWN) < UNKNOWN:
        raise ValueError(f"works must be at least {UNKNOWN}, got {works.min()}")
    out = np.empty(works.size, np.int32)
    return out[: _distinct(works, out)]


# A list has some hundred candidates at most: comparing all pairs beats hashing them.
@kernel
def _distinct(works, out):  # type: ignore[no-untyped-def]
    found = 0
    for at in range(works.size):
        new = True
        if works[at] != UNKNOWN:
            for earlier in range(found):
                if works[out[earlier]] == works[at]:
                    new = False
                    break
        if new:
            out[found] = at
            found += 1
    return found


@kernel
def _space(artists, gap, cap, out):  # type: ignore[no-untyped-def]
    taken = np.zeros(artists.size, np.bool_)
    places = np.zeros(artists.size, np.int32)  # how many the artist of a candidate has,
    free_from = np.zeros(artists.size, np.int32)  # and the next place it may have
    for place in range(out.size):
        chosen = _best_left(taken, places, free_from, place, cap)
        taken[chosen] = True
        out[place] = chosen
        if artists[chosen] == UNKNOWN:
            continue
        for other in range(artists.size):
            if artists[other] == artists[chosen]:
                places[other] += 1
                free_from[other] = place + gap + 1


@kernel
def _best_left(taken, places, free_from, place, cap):  # type: ignore[no-untyped-def]
    left = under_cap = -1
    for at in range(taken.size):
        if taken[at]:
            continue
        if places[at] < cap:
            if free_from[at] <= place:
                return at
            under_cap = at if under_cap < 0 else under_cap
        left = at if left < 0 else left
    return under_cap if under_cap >= 0 else left
