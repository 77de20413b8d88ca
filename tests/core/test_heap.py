import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core import reference
from core.heap import CHUNK, offer, offer_all, unpack

SCORE = st.floats(width=32) | st.sampled_from([0.0, -0.0, 0.5, 1.0, -np.inf, np.inf, np.nan])


def kept(heap):
    rows, scores = np.empty(heap.size, np.int32), np.empty(heap.size, np.float32)
    found = unpack(heap, rows, scores)
    return rows[:found].tolist(), scores[:found].tolist()


def best_above_0(scores, k, least=0.0):
    """The twin: the plain topk of what may be kept at all."""
    scores = np.asarray(scores, np.float32)
    rows, found = reference.topk(np.where((scores > 0) & (scores >= least), scores, -np.inf), k)
    return rows.tolist(), found.tolist()


def test_known_answer():
    heap = np.zeros(2, np.int64)
    for row, score in ((7, 1), (3, 2), (5, 2), (9, 0), (8, -4)):
        offer(np.float32(score), row, heap)

    assert ([3, 5], [2, 2]) == kept(heap)


@settings(max_examples=500)
@given(
    scores=arrays(np.float32, st.integers(0, 200), elements=SCORE),
    k=st.integers(1, 20),
    least=st.sampled_from([0.0, 0.5, 0.7]),
)
def test_offer_all_matches_reference(scores, k, least):
    heap = np.zeros(k, np.int64)
    offer_all(scores, np.float32(least), heap)

    assert best_above_0(scores, k, np.float32(least)) == kept(heap)


@settings(max_examples=500)
@given(scores=st.lists(SCORE, max_size=60, unique_by=id), k=st.integers(1, 20), order=st.randoms())
def test_offer_does_not_care_in_which_order(scores, k, order):
    heap, rows = np.zeros(k, np.int64), list(range(len(scores)))
    order.shuffle(rows)
    for row in rows:
        offer(np.float32(scores[row]), row, heap)

    assert best_above_0(scores, k) == kept(heap)


@pytest.mark.parametrize("order", ["ascending", "descending", "equal", "denormal"])
def test_hostile_orders_over_many_chunks(order):
    random = np.random.default_rng(0).random(5 * CHUNK + 3, np.float32)
    scores = {
        "ascending": np.sort(random),
        "descending": np.sort(random)[::-1].copy(),
        "equal": np.full_like(random, 0.5),
        "denormal": random * np.float32(1e-40),
    }[order]
    heap = np.zeros(50, np.int64)
    offer_all(scores, np.float32(0), heap)

    assert best_above_0(scores, 50) == kept(heap)
