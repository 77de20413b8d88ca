"""Rows of float32 matrices in sixteen lanes: as fast as the vector unit, the same on every machine.

A plain float32 loop `total += x[j] * y[j]` may not be reordered, so LLVM leaves it scalar; with
`reassoc` it would be fast, but its sum would depend on the width of the CPU's registers. Here the
order is part of the definition: lane l adds the products of columns l, l + 16, l + 32, ..., the
upper half of the lanes is added to the lower one until one is left (8, 4, 2, 1), and the columns
behind the last full sixteen follow in ascending order. Products are rounded before they are added,
never fused. `core.reference_factors` says the same in plain NumPy, and tests compare the bits.

Every function takes a whole C-contiguous matrix and a row of it, since a slice costs two calls of
Numba's reference counting: 13 ns instead of 4.3 for 64 columns; the plain loop takes 32 (one
core of an AMD EPYC with AVX-512).
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 16
REGISTERS = 4  # vectors that `gather` holds at once
_FLOAT = ir.FloatType()
_LANES = ir.VectorType(_FLOAT, LANES)
_INDEX = ir.IntType(32)


@intrinsic
def dot(typing, x, row, y, other):  # type: ignore[no-untyped-def]  # noqa: ARG001
    """Return the float32 sum of `x[row, j] * y[other, j]`."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        size, rows = _rows(context, builder, signature, arguments)
        return _sums(builder, size, rows, [(0, 1)])[0]

    return types.float32(x, row, y, other), generate


@intrinsic
def dots(typing, x, row, y, other):  # type: ignore[no-untyped-def]  # noqa: ARG001
    """Return the float32 sums `(x·x, x·y, y·y)` of two rows in one pass."""
    three = types.UniTuple(types.float32, 3)  # type: ignore[attr-defined]

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        size, rows = _rows(context, builder, signature, arguments)
        sums = _sums(builder, size, rows, [(0, 0), (0, 1), (1, 1)])
        return context.make_tuple(builder, three, sums)

    return three(x, row, y, other), generate


@intrinsic
def add(typing, x, row, y, other, scale):  # type: ignore[no-untyped-def]  # noqa: ARG001
    """Set `x[row, j]` to `x[row, j] + scale * y[other, j]`."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        size, rows = _rows(context, builder, signature, arguments[:4])
        scales = _everywhere(builder, arguments[4])
        for at, kind in _steps(builder, size):
            x, y = (_pointer(builder, row, at, kind) for row in rows)
            product = builder.fmul(scales[kind], builder.load(y, align=4))
            builder.store(builder.fadd(builder.load(x, align=4), product), x, align=4)
        return context.get_dummy_value()

    return types.void(x, row, y, other, types.float32), generate


@intrinsic
def gather(typing, x, row, y, rows, first, stop, scales, of_scales):  # type: ignore[no-untyped-def]  # noqa: ARG001
    """Add `scales[of_scales, e - first] * y[rows[e]]` to `x[row]` for e in `first`..`stop` - 1.

    The same bits as that many calls of `add`, but a piece of `x[row]` stays in registers meanwhile.
    """

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        size, (x,) = _rows(context, builder, signature, arguments[:2])
        y = context.make_array(signature.args[2])(context, builder, arguments[2]).data
        rows = context.make_array(signature.args[3])(context, builder, arguments[3]).data
        first, stop = (
            context.cast(builder, arguments[at], signature.args[at], types.intp) for at in (4, 5)
        )
        last_two = types.void(*signature.args[6:])
        _, (scales,) = _rows(context, builder, last_two, arguments[6:])
        wide = size.type(REGISTERS * LANES)
        left = builder.srem(size, wide)
        entries = x, y, size, rows, first, stop, scales
        with cgutils.for_range_slice(builder, size.type(0), builder.sub(size, left), wide) as (
            at,
            _,
        ):
            _gather(builder, *entries, at, _LANES, REGISTERS)
        done = builder.sub(size, left)
        full = builder.and_(size, size.type(-LANES))
        with cgutils.for_range_slice(builder, done, full, size.type(LANES)) as (at, _):
            _gather(builder, *entries, at, _LANES, 1)
        with cgutils.for_range_slice(builder, full, size, size.type(1)) as (at, _):
            _gather(builder, *entries, at, _FLOAT, 1)
        return context.get_dummy_value()

    return types.void(x, row, y, rows, first, stop, scales, of_scales), generate


@intrinsic
def mix(typing, x, row, y, other, kept, mixed, other_kept, other_mixed):  # type: ignore[no-untyped-def]  # noqa: ARG001
    """Set two rows of different memory at once, each from the old values of both.

    `x[row] = kept * x[row] + mixed * y[other]`, `y[other] = other_kept * y[other] + other_mixed *
    x[row]`.
    """

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        size, rows = _rows(context, builder, signature, arguments[:4])
        scales = [_everywhere(builder, scale) for scale in arguments[4:]]
        for at, kind in _steps(builder, size):
            x, y = (_pointer(builder, row, at, kind) for row in rows)
            old_x, old_y = builder.load(x, align=4), builder.load(y, align=4)
            kept, mixed, other_kept, other_mixed = (scale[kind] for scale in scales)
            new_x = builder.fadd(builder.fmul(kept, old_x), builder.fmul(mixed, old_y))
            new_y = builder.fadd(builder.fmul(other_kept, old_y), builder.fmul(other_mixed, old_x))
            builder.store(new_x, x, align=4)
            builder.store(new_y, y, align=4)
        return context.get_dummy_value()

    return types.void(x, row, y, other, *[types.float32] * 4), generate


@intrinsic
def turn(typing, x, row, y, other, kept, mixed):  # type: ignore[no-untyped-def]  # noqa: ARG001
    """Set `x[row]` to `kept * x[row] + mixed * y[other]` and leave `y` as it is."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        size, rows = _rows(context, builder, signature, arguments[:4])
        scales = [_everywhere(builder, scale) for scale in arguments[4:]]
        for at, kind in _steps(builder, size):
            x, y = (_pointer(builder, row, at, kind) for row in rows)
            kept, mixed = (scale[kind] for scale in scales)
            old = builder.fmul(kept, builder.load(x, align=4))
            new = builder.fadd(old, builder.fmul(mixed, builder.load(y, align=4)))
            builder.store(new, x, align=4)
        return context.get_dummy_value()

    return types.void(x, row, y, other, types.float32, types.float32), generate


@intrinsic
def prefetch(typing, x, row):  # type: ignore[no-untyped-def]  # noqa: ARG001
    """Ask for all cache lines of row `row` of a float32 vector or matrix; changes no answer."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        size, (start,) = _rows(context, builder, signature, arguments)
        with cgutils.for_range_slice(builder, size.type(0), size, size.type(LANES)) as (at, _):
            _prefetch(builder, _pointer(builder, start, at, ir.IntType(8)))
        return context.get_dummy_value()

    return types.void(x, row), generate


def _rows(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
    """Emit the number of columns and where each row of `(matrix, row, ...)` starts."""
    starts = []
    for at in range(0, len(arguments), 2):
        kind, of_row = signature.args[at : at + 2]
        array = context.make_array(kind)(context, builder, arguments[at])
        row = context.cast(builder, arguments[at + 1], of_row, types.intp)
        size = builder.extract_value(array.shape, 1) if kind.ndim == 2 else row.type(1)
        starts.append(builder.gep(array.data, [builder.mul(row, size)]))
    return size, starts


def _steps(builder, size):  # type: ignore[no-untyped-def]
    """Emit two loops over the columns; yields inside each: where it is, and what it takes there."""
    for first, stop, step, kind in _parts(builder, size):
        with cgutils.for_range_slice(builder, first, stop, step) as (at, _):
            yield at, kind


def _parts(builder, size):  # type: ignore[no-untyped-def]
    """Emit where the full sixteens end: (first, stop, step, kind) of them and of the rest."""
    full = builder.and_(size, size.type(-LANES))
    whole = size.type(0), full, size.type(LANES), _LANES
    return whole, (full, size, size.type(1), _FLOAT)


def _pointer(builder, start, at, kind):  # type: ignore[no-untyped-def]
    return builder.bitcast(builder.gep(start, [at]), kind.as_pointer())


def _everywhere(builder, scale):  # type: ignore[no-untyped-def]
    """Emit a float32 in every lane."""
    first = builder.insert_element(ir.Constant(_LANES, ir.Undefined), scale, _INDEX(0))
    return {_FLOAT: scale, _LANES: _shuffled(builder, first, [0] * LANES)}


def _sums(builder, size, rows, pairs):  # type: ignore[no-untyped-def]
    """Emit one pass over two rows with one sum for each pair of them."""
    empty = {_LANES: ir.Constant(_LANES, [0.0] * LANES), _FLOAT: _FLOAT(0.0)}
    sums = {
        kind: [cgutils.alloca_once_value(builder, zero) for _ in pairs]
        for kind, zero in empty.items()
    }
    for first, stop, step, kind in _parts(builder, size):
        with cgutils.for_range_slice(builder, first, stop, step) as (at, _):
            loaded = [builder.load(_pointer(builder, row, at, kind), align=4) for row in rows]
            for total, (one, other) in zip(sums[kind], pairs, strict=True):
                product = builder.fmul(loaded[one], loaded[other])
                builder.store(builder.fadd(builder.load(total), product), total)
        if kind is _LANES:
            for lanes, total in zip(sums[_LANES], sums[_FLOAT], strict=True):
                builder.store(_folded(builder, builder.load(lanes)), total)
    return [builder.load(total) for total in sums[_FLOAT]]


def _gather(builder, x, y, size, rows, first, stop, scales, at, kind, count):  # type: ignore[no-untyped-def]
    """Emit the sums of one piece of the row: `count` times what `kind` holds, from column `at`."""
    width = size.type(LANES)
    columns = [builder.add(at, builder.mul(width, size.type(each))) for each in range(count)]
    held = [
        cgutils.alloca_once_value(
            builder, builder.load(_pointer(builder, x, column, kind), align=4)
        )
        for column in columns
    ]
    with cgutils.for_range_slice(builder, first, stop, size.type(1)) as (entry, _):
        scale = builder.load(builder.gep(scales, [builder.sub(entry, first)]))
        row = builder.sext(builder.load(builder.gep(rows, [entry])), size.type)
        start = builder.gep(y, [builder.mul(row, size)])
        everywhere = _everywhere(builder, scale)[kind]
        for sums, column in zip(held, columns, strict=True):
            taken = builder.load(_pointer(builder, start, column, kind), align=4)
            product = builder.fmul(everywhere, taken)
            builder.store(builder.fadd(builder.load(sums), product), sums)
    for sums, column in zip(held, columns, strict=True):
        builder.store(builder.load(sums), _pointer(builder, x, column, kind), align=4)


def _folded(builder, lanes):  # type: ignore[no-untyped-def]
    """Emit the sum of the lanes: the upper half on the lower one, until one is left."""
    while lanes.type.count > 1:
        half = lanes.type.count // 2
        low, high = (_shuffled(builder, lanes, range(start, start + half)) for start in (0, half))
        lanes = builder.fadd(low, high)
    return builder.extract_element(lanes, _INDEX(0))


def _shuffled(builder, lanes, order):  # type: ignore[no-untyped-def]
    chosen = ir.Constant(ir.VectorType(_INDEX, len(order)), list(order))
    return builder.shuffle_vector(lanes, ir.Constant(lanes.type, ir.Undefined), chosen)


def _prefetch(builder, pointer):  # type: ignore[no-untyped-def]
    function = cgutils.get_or_insert_function(
        builder.module,
        ir.FunctionType(ir.VoidType(), [pointer.type, _INDEX, _INDEX, _INDEX]),
        "llvm.prefetch.p0",
    )
    to_read, keep, of_values = 0, 3, 1
    builder.call(function, [pointer, *map(_INDEX, (to_read, keep, of_values))])
