"""The best k of scores above 0, offered in any order: score descending, row ascending.

Score and row are packed in one int64 key that sorts by both, since above 0 the bits of floats sort
like the floats. The smallest of the k best keys lies at `heap[0]`; an empty place is 0, below every
key. For serving `core.topk` is faster, but it wants rows in ascending order, all in one go.
"""

import numpy as np

from core.kernel import kernel

CHUNK = 64  # scores passed over at once when none of them reaches the k-th best
LOW = 0xFFFFFFFF  # the low half of a key is LOW - row: of equal scores the lower row is better


@kernel
def offer(score, row, heap):  # type: ignore[no-untyped-def]
    """Keep `row` if its score is above 0 and among the best so far."""
    key = (np.int64(np.float32(score).view(np.int32)) << 32) | (LOW - row)
    if not score > 0 or key <= heap[0]:
        return
    at, child = 0, 1
    while child < heap.size:
        if child + 1 < heap.size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= key:
            break
        heap[at] = heap[child]
        at, child = child, 2 * child + 1
    heap[at] = key


@kernel
def offer_all(scores, least, heap):  # type: ignore[no-untyped-def]
    """Offer rows 0, 1, ... with those of their scores that are above 0 and at least `least`."""
    for start in range(0, scores.size, CHUNK):
        worst = max(np.int32(heap[0] >> 32).view(np.float32), least)
        chunk = scores[start : start + CHUNK]
        if _any_reaches(chunk, worst):
            for at in range(chunk.size):
                if chunk[at] >= worst:
                    offer(chunk[at], start + at, heap)


@kernel
def _any_reaches(chunk, worst):  # type: ignore[no-untyped-def]
    any_reaches = np.int32(0)
    for at in range(chunk.size):
        above = np.int32(chunk[at] >= worst) & np.int32(chunk[at] > 0)
        any_reaches |= above  # no early exit: it would stop vectorisation
    return any_reaches != 0


@kernel
def unpack(heap, rows, scores):  # type: ignore[no-untyped-def]
    """Write what was kept, best first, and return how many; the rest of both is left alone."""
    best, found = np.sort(heap), 0
    while found < heap.size and best[heap.size - 1 - found] > 0:
        key = best[heap.size - 1 - found]
        rows[found] = LOW - (key & LOW)
        scores[found] = np.int32(key >> 32).view(np.float32)
        found += 1
    return found
