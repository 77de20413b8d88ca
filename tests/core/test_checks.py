import numpy as np
import pytest

from core import checks


def refusal(check, *args):
    with pytest.raises(ValueError) as refused:  # noqa: PT011  # the text is what is tested
        check(*args)
    return str(refused.value)


def test_a_wrong_dtype_or_shape_is_named_exactly():
    matrix = np.zeros((3, 2))

    assert "scores must be float32 (n,), got float64 (3, 2)" == refusal(
        checks.floats, "scores", matrix, ("n",)
    )
    assert "features must be float32 (6, n), got float32 (3, 2)" == refusal(
        checks.floats, "features", matrix.astype(np.float32), (6, "n")
    )
    assert "rows must be int32 (h,), got int64 (1,)" == refusal(
        checks.rows, "rows", np.zeros(1, np.int64), 4
    )
    assert "eligible must be bool (3,), got uint8 (3,)" == refusal(
        checks.flags, "eligible", np.zeros(3, np.uint8), (3,)
    )


def test_the_first_value_that_is_not_finite_is_named():
    weights = np.array([[1, 2], [np.nan, np.inf]], np.float32)

    assert "weights must be finite, got nan at (1, 0)" == refusal(
        checks.finite, "weights", weights, ("s", "n")
    )


@pytest.mark.parametrize("bad", [-1, 5])
def test_a_row_out_of_range_is_named(bad):
    rows = np.array([0, bad, 4], np.int32)

    assert f"rows must be in 0..4, got {bad}" == refusal(checks.rows, "rows", rows, 5)


@pytest.mark.parametrize(
    "value, message",
    [
        (0, "k must be at least 1, got 0"),
        (2.5, "k must be a whole number, got 2.5"),
        (None, "k must be a whole number, got None"),
    ],
)
def test_a_number_that_does_not_fit_is_named(value, message):
    assert message == refusal(checks.whole, "k", value, 1)


def test_a_numpy_integer_becomes_an_int():
    assert int is type(checks.whole("k", np.int32(3), 1))


@pytest.mark.parametrize(
    "indptr, columns, message",
    [
        ([0, 1], [0, 1], "indptr must run from 0 to 2, the number of entries"),
        ([1, 2], [0, 1], "indptr must run from 0 to 2, the number of entries"),
        ([], [], "indptr must run from 0 to 0, the number of entries"),
        ([0, 2, 1, 2], [0, 1], "indptr must not descend"),
        ([0, 2], [0, 3], "columns must be in 0..2, got 3"),
        ([0, 2], [-1, 0], "columns must be in 0..2, got -1"),
        ([0, 1, 3], [2, 1, 0], "columns must ascend within a row, row 1 does not"),
        ([0, 2], [1, 1], "columns must ascend within a row, row 0 does not"),
    ],
)
def test_a_broken_csr_pattern_is_refused(indptr, columns, message):
    arrays = np.array(indptr, np.int64), np.array(columns, np.int32)

    assert message == refusal(checks.sparse, *arrays, 3)


def test_without_a_stop_only_the_sign_of_a_column_is_checked():
    offsets = np.array([0, 1], np.int64)
    _, columns = checks.sparse(offsets, np.array([99], np.int32))

    assert [99] == columns.tolist()
    assert "columns must be in 0.., got -1" == refusal(
        checks.sparse, offsets, np.array([-1], np.int32)
    )


def test_what_passes_is_contiguous_and_read_only_and_the_original_stays_writable():
    original = np.zeros(8, np.float32)
    strided = checks.floats("scores", original[::2], ("n",))
    shared = checks.floats("scores", original, ("n",))

    assert strided.flags.c_contiguous
    assert not strided.flags.writeable
    assert np.shares_memory(original, shared)
    assert original.flags.writeable
