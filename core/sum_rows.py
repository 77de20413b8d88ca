"""The scores of some rows of a `core.sums.Sum`, part by part."""

import numpy as np

from core.kernel import kernel
from core.simd import ask_at, ask_for, dot

AHEAD = 8  # rows between asking memory for one and using it
NEIGHBOURS = 8  # rows that are asked for at once: half of what memory delivers
ONE, ZERO = np.float32(1), np.float32(0)


@kernel
def sums(total, rows, out):  # type: ignore[no-untyped-def]
    """Write the scores of `rows` to `out`; NaN where no part says anything."""
    said = np.empty(rows.size, np.bool_)
    add_sure(total, rows, out, said)
    add_near(total, rows, out, said)
    for values, norms, _, _, query, shift, _, _, _ in total[6]:
        add_product(values, norms, query, shift, rows, out, said)
    for at in range(rows.size):
        out[at] = out[at] if said[at] else np.float32(np.nan)


# Part by part and not row by row: taking an array out of a tuple costs as much as a score.
@kernel
def add_sure(total, rows, out, said):  # type: ignore[no-untyped-def]
    """Write flats, flags and tables, and whether any of it says something about a row."""
    flats, weights, flags, constant, tables = total[0], total[1], total[2], total[3], total[4]
    out[: rows.size] = ZERO
    said[: rows.size] = False
    for part, flat in enumerate(flats):
        if flat.size:
            _add_flat_at(flat, weights[part, 0], weights[part, 1] != 0, rows, out, said)
    ask(flags, rows)
    for at in range(rows.size):
        if rows[at] < flags.size and flags[rows[at]]:
            out[at] += constant
            said[at] = True
    for table, codes, _, _ in tables:
        if table.size:
            _add_table_at(table, codes, rows, out)
            said[: rows.size] = True


@kernel
def add_near(total, rows, out, said):  # type: ignore[no-untyped-def]
    """Add the nearnesses."""
    features, targets, wanted, affine = total[5]
    for place in range(affine.shape[0]):
        _add_nearness_at(features, targets[place], wanted[place], affine[place], rows, out, said)


@kernel
def ask(values, rows):  # type: ignore[no-untyped-def]
    """Ask memory for what these rows have, most of whom are neighbours of each other."""
    for at in range(0, rows.size, NEIGHBOURS):
        if rows[at] < values.size:
            ask_at(values, rows[at])


@kernel
def _add_flat_at(flat, weight, speaks, rows, out, said):  # type: ignore[no-untyped-def]
    ask(flat, rows)
    for at in range(rows.size):
        value = flat[rows[at]]
        if not np.isnan(value):
            out[at] += weight * value
            said[at] |= speaks


@kernel
def _add_table_at(table, codes, rows, out):  # type: ignore[no-untyped-def]
    ask(codes, rows)
    last = table.size - 1
    for at in range(rows.size):
        code = codes[rows[at]]
        out[at] += table[code if code >= 0 else last]


@kernel
def _add_nearness_at(features, target, weights, affine, rows, out, said):  # type: ignore[no-untyped-def]
    for at in range(rows.size):
        near, shared, row = ZERO, ZERO, rows[at]
        for j in range(target.size):
            gap = abs(features[row, j] - target[j])
            known = weights[j] > 0 and not np.isnan(gap)
            near += weights[j] * (ONE - gap) if known else ZERO
            shared += weights[j] if known else ZERO
        if shared > 0:
            added = affine[0] * (near / shared) + affine[1]
            clipped = affine[2] != 0
            out[at] += min(added, ZERO) if clipped else added
            said[at] |= not clipped


@kernel
def add_product(values, norms, query, shift, rows, out, said):  # type: ignore[no-untyped-def]
    """Add one product; the sum has one part less to wait for."""
    for at in range(rows.size):
        if at + AHEAD < rows.size and rows[at + AHEAD] < norms.size:
            ask_for(values, rows[at + AHEAD])
        row = rows[at]
        if row < norms.size and norms[row] > 0:
            out[at] += dot(values, row, query) + shift
            said[at] = True
