"""The best k of many, whatever order they come in.

A score and its row are packed into one int64 *key* that sorts score ascending, then row descending:
the greatest key is the best place, and no two are equal. Keys that beat the k-th best so far
collect in a buffer; a full buffer is cut back to its best k.
"""

import numpy as np

from core.arrays import F32, I32, I64
from core.kernel import kernel

ROOM = 32  # least number of keys collected between two cuts: a late cut keeps a bound loose
LOW = 0xFFFFFFFF  # the low half of a key is LOW - row: of equal scores the lower row is better
EMPTY = -2139095041 << 32  # the key of -inf at row LOW: below the key of every score that counts


def empty_keys(k: int, room: int = ROOM) -> I64:
    """Return the int64 buffer that `push` fills; its first `k` places count as filled.

    It has room for `k` more at least, so that asking for every row never cuts at all.
    """
    return np.full(k + max(k, room), EMPTY, np.int64)


def best(keys: I64, k: int, filled: int) -> tuple[I32, F32]:
    """Return `(rows, scores)` of the best `k` keys of `keys[:filled]`, best first."""
    chosen = keys[:filled]
    if filled > k:
        chosen = np.partition(chosen, filled - k)[filled - k :]
    # NumPy's sort has vectors: 1M keys in 52 ms, where Numba's takes 67.
    chosen = np.sort(chosen)
    rows, scores = np.empty(k, np.int32), np.empty(k, np.float32)
    found = unpack(chosen, rows, scores)
    return rows[:found], scores[:found]


@kernel
def push(keys, filled, k, key):  # type: ignore[no-untyped-def]
    """Add a key above `keys[0]`; return how much of `keys` is filled now.

    Once the buffer was cut, `keys[0]` is the k-th best so far; until then it is EMPTY.
    """
    if filled == keys.size:
        filled = cut(keys, filled, k)
        if key <= keys[0]:
            return filled
    keys[filled] = key
    return filled + 1


@kernel
def cut(keys, filled, k):  # type: ignore[no-untyped-def]
    """Keep the best `k` of `keys[:filled]`, the least of them first; return `k`."""
    if filled > k:
        keys[:k] = np.partition(keys[:filled], filled - k)[filled - k :]
    return k


@kernel
def key_of(score, row):  # type: ignore[no-untyped-def]
    """Return the key of a float32 score, which must not be NaN, at an int row."""
    # Adding 0.0 turns -0.0 into 0.0: they are equal, so the row must decide between them.
    bits = np.int64(np.float32(score + np.float32(0.0)).view(np.int32))
    return (_flipped(bits) << 32) | (LOW - row)


@kernel
def score_of(key):  # type: ignore[no-untyped-def]
    """Return the float32 score of a key."""
    return np.int32(_flipped(key >> 32)).view(np.float32)


@kernel
def row_of(key):  # type: ignore[no-untyped-def]
    """Return the row of a key."""
    return LOW - (key & LOW)


@kernel
def unpack(keys, rows, scores):  # type: ignore[no-untyped-def]
    """Write rows and scores of ascending `keys`, best first; return how many count."""
    found = 0
    for key in keys[::-1]:
        if key <= EMPTY:
            break
        rows[found] = row_of(key)
        scores[found] = score_of(key)
        found += 1
    return found


@kernel
def _flipped(bits):  # type: ignore[no-untyped-def]
    # Floats are sign and magnitude: flip the magnitude of negative ones and they sort as integers.
    return bits ^ 0x7FFFFFFF if bits < 0 else bits
