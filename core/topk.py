"""Select the best k of n scores.

Order is score descending, then row ascending, so the answer never depends on threads or layout.
A score of -inf or NaN is never selected: callers exclude a row by writing -inf. A score of +inf is
a score like any other and comes first.

A score and its row are packed into one int64 key that sorts in that order. Keys above the k-th best
so far collect in a buffer; a full buffer is cut back to its best k. Rows come in ascending order,
so only a score strictly above the k-th best can matter, and a chunk without one is passed over by a
loop that LLVM vectorises.

Measured, n = 100 000, k = 50 and 500, median ms: random scores 0.04 and 0.08, ascending scores 0.34
and 0.42; `np.argpartition` 0.69 on either, a bounded heap 1.9 and 2.4 on ascending ones.
"""

import numpy as np

from core import checks
from core.arrays import F32, I32, I64
from core.kernel import kernel

CHUNK = 256
ROOM = 1024  # least number of keys collected between two cuts; 4096 was no faster
LOW = 0xFFFFFFFF  # the low half of a key is LOW - row: of equal scores the lower row is better
EMPTY = -2139095041 << 32  # the key of -inf at row LOW: below the key of every score that counts


def topk(scores: F32, k: int) -> tuple[I32, F32]:
    """Return `(rows, scores)` of the best `k`, best first; fewer when fewer are eligible.

    Raises:
        ValueError: `scores` is not float32 `(n,)`, or `k` < 1.
    """
    scores = checks.floats("scores", scores, ("n",))
    size = min(checks.whole("k", k, 1), scores.size)
    keys = empty_keys(size)
    return best(keys, size, offer(scores, 0, keys, size, size))


def empty_keys(k: int) -> I64:
    """Return the int64 buffer that `offer` fills; its first `k` places count as filled."""
    return np.full(k + max(k, ROOM), EMPTY, np.int64)


def best(keys: I64, k: int, filled: int) -> tuple[I32, F32]:
    """Return `(rows, scores)` of the best `k` of the keys that `offer` left, best first."""
    rows, scores = np.empty(k, np.int32), np.empty(k, np.float32)
    found = _unpack(keys[:filled], rows, scores)
    return rows[:found], scores[:found]


@kernel
def offer(scores, first, keys, filled, k):  # type: ignore[no-untyped-def]
    """Collect the keys of rows `first`, `first` + 1, ... that may be among the best `k`.

    Args:
        scores: float32 `(m,)`.
        first: Row of `scores[0]`; above every row offered before.
        keys: Buffer from `empty_keys(k)`. Once cut, `keys[0]` is the k-th best so far.
        filled: How much of `keys` is filled: `k` at first, then what the last call returned.
        k: How many are wanted.

    Returns:
        How much of `keys` is filled now.
    """
    if k == 0:
        return 0
    threshold = _score(keys[0])
    for start in range(0, scores.size, CHUNK):
        chunk = scores[start : start + CHUNK]
        if not _any_above(chunk, threshold):
            continue
        if filled + chunk.size > keys.size:
            keys[:k] = np.partition(keys[:filled], filled - k)[filled - k :]
            filled = k
            threshold = _score(keys[0])
        for at in range(chunk.size):
            if chunk[at] > threshold:  # false for NaN
                keys[filled] = _key(chunk[at], first + start + at)
                filled += 1
    return filled


@kernel
def _any_above(chunk, threshold):  # type: ignore[no-untyped-def]
    above = np.int32(0)
    for at in range(chunk.size):
        above |= np.int32(chunk[at] > threshold)  # no early exit: it would stop vectorisation
    return above != 0


@kernel
def _unpack(keys, rows, scores):  # type: ignore[no-untyped-def]
    k, found = rows.size, 0
    if keys.size > k:
        keys = np.partition(keys, keys.size - k)[keys.size - k :]
    for key in np.sort(keys)[::-1]:
        if key <= EMPTY:
            break
        rows[found] = LOW - (key & LOW)
        scores[found] = _score(key)
        found += 1
    return found


@kernel
def _key(score, row):  # type: ignore[no-untyped-def]
    # Adding 0.0 turns -0.0 into 0.0: they are equal, so the row must decide between them.
    bits = np.int64(np.float32(score + np.float32(0.0)).view(np.int32))
    return (_flipped(bits) << 32) | (LOW - row)


@kernel
def _score(key):  # type: ignore[no-untyped-def]
    return np.int32(_flipped(key >> 32)).view(np.float32)


@kernel
def _flipped(bits):  # type: ignore[no-untyped-def]
    # Floats are sign and magnitude: flip the magnitude of negative ones and they sort as integers.
    return bits ^ 0x7FFFFFFF if bits < 0 else bits
