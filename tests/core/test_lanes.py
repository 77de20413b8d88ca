import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numba import njit

from core import lanes, reference_factors
from core.kernel import kernel

VALUE = st.floats(-1e3, 1e3, width=32)


@kernel
def dot(x, row, y, other):
    return lanes.dot(x, row, y, other)


@kernel
def dots(x, row, y, other):
    return lanes.dots(x, row, y, other)


@kernel
def add(x, row, y, other, scale):
    lanes.prefetch(x, row)
    lanes.add(x, row, y, other, scale)


@kernel
def gather(x, row, y, rows, first, stop, scales):
    lanes.gather(x, row, y, rows, first, stop, scales, 1)


@kernel
def mix(x, row, y, other, scales):
    lanes.mix(x, row, y, other, scales[0], scales[1], scales[2], scales[3])


@kernel
def turn(x, row, y, other, scales):
    lanes.turn(x, row, y, other, scales[0], scales[1])


def pairs():
    shapes = st.tuples(st.just(2), st.integers(1, 3), st.integers(0, 70))
    return shapes.flatmap(lambda shape: arrays(np.float32, shape, elements=VALUE))


def test_known_answer():
    x, y = np.full((1, 40), 2, np.float32), np.arange(40, dtype=np.float32)[None]

    assert 2 * 39 * 20 == dot(x, 0, y, 0)


def test_what_is_small_is_added_in_lanes_not_in_order():
    """In order, each 1 would vanish beside 2**24; in lanes the ones meet first."""
    x = np.ones((1, 32), np.float32)
    x[0, 0] = 2.0**24

    assert 2.0**24 + 30 == dot(x, 0, np.ones_like(x), 0)


@settings(max_examples=500)
@given(pair=pairs(), choose=st.data())
def test_sums_match_reference_to_the_bit(pair, choose):
    row, other = (choose.draw(st.integers(0, pair.shape[1] - 1)) for _ in range(2))
    x, y = pair
    expected = [
        reference_factors.dot(*two) for two in ((x[row],) * 2, (x[row], y[other]), (y[other],) * 2)
    ]

    assert expected == list(dots(x, row, y, other))
    assert expected[1] == dot(x, row, y, other)


@settings(max_examples=500)
@given(pair=pairs(), scales=arrays(np.float32, 4, elements=VALUE), choose=st.data())
def test_rows_are_changed_as_numpy_would_to_the_bit_and_no_other_row_is(pair, scales, choose):
    row, other = (choose.draw(st.integers(0, pair.shape[1] - 1)) for _ in range(2))
    a, b, c, d = scales
    old_x, old_y = pair[0][row].copy(), pair[1][other].copy()
    added, mixed, turned = pair.copy(), pair.copy(), pair.copy()
    expected_added, expected_mixed, expected_turned = pair.copy(), pair.copy(), pair.copy()
    expected_added[0, row] = old_x + a * old_y
    expected_turned[0, row] = a * old_x + b * old_y
    expected_mixed[0, row] = a * old_x + b * old_y
    expected_mixed[1, other] = c * old_y + d * old_x
    add(added[0], row, added[1], other, a)
    mix(mixed[0], row, mixed[1], other, scales)
    turn(turned[0], row, turned[1], other, scales)

    np.testing.assert_array_equal(expected_added, added)
    np.testing.assert_array_equal(expected_mixed, mixed)
    np.testing.assert_array_equal(expected_turned, turned)


@settings(max_examples=500)
@given(pair=pairs(), rows=st.lists(st.integers(0, 2), max_size=7), choose=st.data())
def test_gather_is_one_add_after_the_other_to_the_bit(pair, rows, choose):
    x, (y,) = pair[0].copy(), pair[1:]
    expected = x.copy()
    rows = np.minimum(np.array(rows, np.int32), len(x) - 1)
    first = choose.draw(st.integers(0, rows.size))
    stop = choose.draw(st.integers(first, rows.size))
    scales = choose.draw(arrays(np.float32, (2, stop - first), elements=VALUE))
    for scale, other in zip(scales[1], rows[first:stop], strict=True):
        add(expected, len(x) - 1, y, other, scale)
    gather(x, len(x) - 1, y, rows, first, stop, scales)

    np.testing.assert_array_equal(expected, x)


@pytest.mark.parametrize("compiled", [dot, dots, add, mix, turn])
def test_the_loop_is_vectorised(compiled):
    """The machine code multiplies whole registers; a scalar loop has only `mulss`."""
    ready = np.ones((1, 64), np.float32)
    last = {add: (np.float32(1),), mix: (np.ones(4, np.float32),), turn: (np.ones(4, np.float32),)}
    fresh = njit(compiled.py_func)  # what comes out of the disk cache cannot be inspected
    fresh(ready, 0, ready.copy(), 0, *last.get(compiled, ()))
    code = "".join(fresh.inspect_asm().values())

    assert any(word in code for word in ("mulps\t", "mulps ", ".4s"))
