"""The best k keys with at most so many rows of one artist."""

import numpy as np

from core.kernel import kernel
from core.keys import EMPTY, row_of


@kernel
def cut_capped(keys, filled, k, artists, cap, places):  # type: ignore[no-untyped-def]
    """Keep the best `k` of `keys[:filled]` that the cap allows, the least first; return `k`.

    Greedy, best key first: a key stays unless its artist has `cap` better ones. Cutting early loses
    nothing: a key with `cap` better keys of its artist, or k better keys that stay, has them for
    good. Where fewer than `k` stay, EMPTY fills the front.

    Args:
        keys: int64 `(room,)`.
        filled: How much of `keys` is filled.
        k: How many are wanted.
        artists: int32 `(n,)`, artist of each row; -1 is never capped.
        cap: Most rows of one artist.
        places: int32, one per artist, all 0; all 0 again afterwards.
    """
    ordered = np.sort(keys[:filled])[::-1]
    left = k
    for key in ordered:
        if left == 0 or key <= EMPTY:
            break
        artist = artists[row_of(key)]
        if artist >= 0:
            if places[artist] == cap:
                continue
            places[artist] += 1
        left -= 1
        keys[left] = key
    for at in range(left, k):
        artist = artists[row_of(keys[at])]
        if artist >= 0:
            places[artist] = 0
    keys[:left] = EMPTY
    return k
