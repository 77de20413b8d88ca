"""Dtype, shape and finiteness, checked once at the door of every public function.

Each check returns the array as a read-only C-contiguous view, the only layout kernels are compiled
for. A strided array is copied. Nothing is converted: a silent float64 to float32 copy of a
catalogue would cost more than the kernel it feeds.
"""

import operator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from core.arrays import F32, I32, I64, U64, Flags
from core.kernel import kernel

Scalar = TypeVar("Scalar", bound=np.generic)
Shape = tuple[int | str, ...]


def floats(name: str, values: F32, shape: Shape) -> F32:
    """Return `values` if it is float32 of `shape`; a letter in `shape` stands for any length.

    Raises:
        ValueError: Another dtype or shape, e.g.
            "scores must be float32 (n,), got float64 (3, 2)".
    """
    _expect(name, values, np.float32, shape)
    return _frozen(values)


def copied(name: str, values: F32, shape: Shape) -> F32:
    """Return a copy of `values` if it is float32 of `shape`: for arrays of some bytes.

    Out of cache that takes a third of a read-only view's 20 µs, and the scan of a catalogue 200.

    Raises:
        ValueError: Another dtype or shape.
    """
    _expect(name, values, np.float32, shape)
    return values.copy()


def writable(name: str, values: F32, shape: Shape) -> F32:
    """Return `values` if a kernel may change it in place: float32 of `shape`, C-contiguous.

    Raises:
        ValueError: Another dtype, shape or layout, or it is read-only.
    """
    _expect(name, values, np.float32, shape)
    if not (values.flags.c_contiguous and values.flags.writeable):
        raise ValueError(f"{name} must be C-contiguous and writable: it is changed in place")
    return values


def finite(name: str, values: F32, shape: Shape) -> F32:
    """Return `values` if it is float32 of `shape` without NaN or infinity.

    Raises:
        ValueError: Another dtype or shape, or e.g. "weights must be finite, got nan at (2,)".
    """
    checked = floats(name, values, shape)
    good = np.isfinite(checked)
    if not good.all():
        at = tuple(int(axis[0]) for axis in np.nonzero(~good))
        raise ValueError(f"{name} must be finite, got {checked[at]} at {at}")
    return checked


def ints(name: str, values: I32, shape: Shape) -> I32:
    """Return `values` if it is int32 of `shape`.

    Raises:
        ValueError: Another dtype or shape.
    """
    _expect(name, values, np.int32, shape)
    return _frozen(values)


def longs(name: str, values: I64, shape: Shape) -> I64:
    """Return `values` if it is int64 of `shape`.

    Raises:
        ValueError: Another dtype or shape.
    """
    _expect(name, values, np.int64, shape)
    return _frozen(values)


def keys(name: str, values: U64, shape: Shape) -> U64:
    """Return `values` if it is uint64 of `shape`.

    Raises:
        ValueError: Another dtype or shape.
    """
    _expect(name, values, np.uint64, shape)
    return _frozen(values)


def rows(name: str, values: I32, stop: int) -> I32:
    """Return `values` if it is int32 `(h,)` with every value in 0 to `stop` - 1.

    Raises:
        ValueError: Another dtype or shape, or e.g. "rows must be in 0..4, got 9".
    """
    checked = ints(name, values, ("h",))
    _within(name, checked, stop)
    return checked


def flags(name: str, values: Flags, shape: Shape) -> Flags:
    """Return `values` if it is bool of `shape`.

    Raises:
        ValueError: Another dtype or shape.
    """
    _expect(name, values, np.bool_, shape)
    return _frozen(values)


def whole(name: str, value: int, least: int) -> int:
    """Return `value` as a plain int, so that a NumPy integer compiles no second signature.

    Raises:
        ValueError: Not a whole number, or e.g. "k must be at least 1, got 0".
    """
    try:
        number = operator.index(value)
    except TypeError as error:
        raise ValueError(f"{name} must be a whole number, got {value!r}") from error
    if number < least:
        raise ValueError(f"{name} must be at least {least}, got {number}")
    return number


def positive(name: str, value: float) -> float:
    """Return `value` as a plain float if it is above 0 and finite.

    Raises:
        ValueError: e.g. "l2 must be above 0 and finite, got nan".
    """
    if not 0 < value < np.inf:
        raise ValueError(f"{name} must be above 0 and finite, got {value}")
    return float(value)


def sparse(indptr: I64, columns: I32, stop: int | None = None) -> tuple[I64, I32]:
    """Return both if they are the pattern of a CSR matrix whose columns ascend in every row.

    Args:
        indptr: int64 `(n + 1,)`; row i has `columns[indptr[i]:indptr[i + 1]]`.
        columns: int32 `(entries,)`.
        stop: Number of columns; None when only the sign can be checked.

    Raises:
        ValueError: `indptr` does not rise from 0 to `entries`, a column is out of range, or the
            columns of a row repeat or descend.
    """
    _expect("indptr", indptr, np.int64, ("n + 1",))
    checked = ints("columns", columns, ("entries",))
    if indptr.size == 0 or indptr[0] != 0 or indptr[-1] != checked.size:
        raise ValueError(f"indptr must run from 0 to {checked.size}, the number of entries")
    if (np.diff(indptr) < 0).any():
        raise ValueError("indptr must not descend")
    _within("columns", checked, stop)
    pattern = _frozen(indptr)
    unsorted = _unsorted_row(pattern, checked)
    if unsorted >= 0:
        raise ValueError(f"columns must ascend within a row, row {unsorted} does not")
    return pattern, checked


def _expect(name: str, values: NDArray[np.generic], dtype: type[np.generic], shape: Shape) -> None:
    if values.dtype != dtype or not _fits(values.shape, shape):
        wanted = ", ".join(str(length) for length in shape) + ("," if len(shape) == 1 else "")
        raise ValueError(
            f"{name} must be {np.dtype(dtype)} ({wanted}), got {values.dtype} {values.shape}"
        )


def _fits(given: tuple[int, ...], shape: Shape) -> bool:
    """Whether lengths are those wanted; a loop takes a quarter of what `all` does."""
    if given == shape or len(given) != len(shape):
        return given == shape
    for length, want in zip(given, shape, strict=True):
        if length != want and not isinstance(want, str):
            return False
    return True


def _frozen(values: NDArray[Scalar]) -> NDArray[Scalar]:
    if values.flags.c_contiguous and not values.flags.writeable:
        return values
    view = np.ascontiguousarray(values).view()
    view.flags.writeable = False
    return view


def _within(name: str, values: I32, stop: int | None) -> None:
    if values.size == 0:
        return
    # A negative number is a great one without its sign: one pass sees both ends.
    if values.view(np.uint32).max() >= (2**31 if stop is None else stop):
        bad = values.min() if values.min() < 0 else values.max()
        upper = "" if stop is None else stop - 1
        raise ValueError(f"{name} must be in 0..{upper}, got {bad}")


@kernel
def _unsorted_row(indptr, columns):  # type: ignore[no-untyped-def]
    for row in range(indptr.size - 1):
        for at in range(indptr[row] + 1, indptr[row + 1]):
            if columns[at] <= columns[at - 1]:
                return row
    return -1
