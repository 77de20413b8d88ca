"""Vector instructions that a plain loop does not get.

LLVM vectorises simple loops over typed rows, and core relies on that. Two things it cannot find:
a byte product that adds four neighbours into one int32 lane (VNNI's `vpdpbusd`: 64 products in one
instruction, `core.tiles`), and a float sum in a fixed order that is not the slow one. Both are
written as vectors in LLVM's own language, which compiles for any CPU; only `vpdpbusd` itself is
asked for by name where the CPU has it, and spelled out in ordinary vectors where it has not. The
answers are the same to the bit: tests/core/test_tiles.py runs both.
"""

# mypy: disable-error-code="no-untyped-call, no-untyped-def"
# The builders below are Numba's and llvmlite's, which have no types.
from collections.abc import Callable
from functools import partial
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils, codegen, config
from numba.extending import intrinsic

TOGETHER = 8  # rows: two of AVX2's registers each, so that sixteen are enough
LINE = 512  # bits that memory delivers at once
I8, I16, I32, I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))
BYTES, LANES = ir.VectorType(I8, 64), ir.VectorType(I32, 16)
FLOATS, CODES = ir.VectorType(ir.FloatType(), 16), ir.VectorType(I8, 16)


def vectors(build: Callable[..., Any]) -> Any:
    """Make `build` callable from kernels; a type checker sees what kernels are to it: anything."""
    return intrinsic(build)


@vectors
def dot(typingctx, rows, row, query):  # noqa: ARG001
    """Return the float32 inner product of `rows[row]` and `query`, in a fixed order of additions.

    Lane l of 16 adds the products of features l, l + 16, l + 32, ... in that order, starting at 0;
    then the upper half of the lanes is added to the lower half until one is left. No product is
    fused into an addition, so the sum is the same on every CPU.

    Args:
        typingctx: Numba's.
        rows: float32 `(n, d)`.
        row: Below n; not checked.
        query: float32 `(d,)`.
    """

    def generate(context, builder, signature, args):
        base, asked, size = _row(context, builder, signature, args)
        return _folded(builder, _products(builder, [base], asked, size)[0])

    return types.float32(rows, types.int64, query), generate


@vectors
def dots(typingctx, rows, first, query, out, start):  # noqa: ARG001
    """Write what `dot` returns for `rows[first]` and the next seven from `out[start]` on.

    Eight rows are folded together, which takes a quarter of the instructions: 1M x 64 in 8 ms
    instead of 20 where every row has to be scored (faiss 7.7).
    """

    def generate(context, builder, signature, args):
        many, at, asked, found, start = opened(context, builder, signature, args)
        size = context.make_array(signature.args[2])(context, builder, args[2]).nitems
        found = builder.gep(found, [start])
        starts = [builder.add(at, ir.Constant(I64, row)) for row in range(TOGETHER)]
        bases = [builder.gep(many, [builder.mul(start, size)]) for start in starts]
        totals = _products(builder, bases, asked, size)
        while len(totals) > 1:
            width = 16 * len(totals) // TOGETHER
            totals = [
                _halved(builder, one, other, width)
                for one, other in zip(totals[::2], totals[1::2], strict=True)
            ]
        sums = _halved(builder, totals[0], totals[0], 2)
        lower = ir.Constant(ir.VectorType(I32, TOGETHER), list(range(TOGETHER)))
        sums = builder.shuffle_vector(sums, ir.Constant(FLOATS, ir.Undefined), lower)
        builder.store(sums, builder.bitcast(found, sums.type.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.none(rows, types.int64, query, out, types.int64), generate


@vectors
def dot_bytes(typingctx, codes, row, query):  # noqa: ARG001
    """Return the float32 inner product of `codes[row]` and `query`, as `dot` adds it up.

    Args:
        typingctx: Numba's.
        codes: int8 `(n, d)`, d a multiple of 16.
        row: Below n; not checked.
        query: float32 `(d,)`.
    """

    def generate(context, builder, signature, args):
        base, asked, size = _row(context, builder, signature, args)
        total = cgutils.alloca_once_value(builder, ir.Constant(FLOATS, None))

        def read(place):
            return builder.sitofp(load(builder, base, place, CODES), FLOATS)

        _add_products(builder, read, asked, size, total)
        return _folded(builder, builder.load(total))

    return types.float32(codes, types.int64, query), generate


@vectors
def ask_for(typingctx, rows, row):  # noqa: ARG001
    """Ask memory for `rows[row]`, which is wanted soon; waits for nothing.

    Only where rows are read here and there: a processor sees for itself that all are read in order.
    """

    def generate(context, builder, signature, args):
        many, at = opened(context, builder, signature, args)
        shape = context.make_array(signature.args[0])(context, builder, args[0]).shape
        size = cgutils.unpack_tuple(builder, shape, 2)[1]
        base = builder.gep(many, [builder.mul(at, size)])
        line = LINE // signature.args[0].dtype.bitwidth
        step = ir.Constant(I64, 0), size, ir.Constant(I64, line)
        with cgutils.for_range_slice(builder, *step, I64) as (place, _):
            _prefetch(builder, base, place)
        return context.get_dummy_value()

    return types.none(rows, types.int64), generate


@vectors
def ask_at(typingctx, values, at):  # noqa: ARG001
    """Ask memory for `values[at]` and its neighbours, which are wanted soon; waits for nothing."""

    def generate(context, builder, signature, args):
        many, place = opened(context, builder, signature, args)
        _prefetch(builder, many, place)
        return context.get_dummy_value()

    return types.none(values, types.int64), generate


@vectors
def lowest(typingctx, mask):  # noqa: ARG001
    """Return the place of the lowest set bit of a uint64 that is not 0."""

    def generate(_context, builder, _signature, args):
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate


@vectors
def ones(typingctx, mask):  # noqa: ARG001
    """Return how many bits of a uint64 are set."""

    def generate(_context, builder, _signature, args):
        return builder.ctpop(args[0])

    return types.int64(types.uint64), generate


def has_vnni() -> bool:
    """Whether kernels compile to `vpdpbusd` on this machine, under Numba's settings."""
    features = config.CPU_FEATURES  # Numba sets it by name
    listed = codegen.get_host_cpu_features() if features is None else features
    return {"+avx512vnni", "+avx512bw"} <= set(listed.split(","))


def _products(builder, bases, asked, size):
    """Per row a vector of sixteen sums: lane l adds the products of features l, l + 16, ..."""
    totals = [cgutils.alloca_once_value(builder, ir.Constant(FLOATS, None)) for _ in bases]
    whole = builder.and_(size, ir.Constant(I64, -16))

    for base, total in zip(bases, totals, strict=True):  # row by row, as memory likes it
        read = partial(load, builder, base, kind=FLOATS)
        _add_products(builder, read, asked, whole, total)
    rest = builder.sub(size, whole)
    with builder.if_then(builder.icmp_signed(">", rest, ir.Constant(I64, 0))):
        lanes = ir.Constant(ir.VectorType(I64, 16), list(range(16)))
        inside = builder.icmp_signed("<", lanes, spread(builder, rest, lanes.type))
        wanted = _load_some(builder, asked, whole, inside)
        for base, total in zip(bases, totals, strict=True):
            _add(builder, _load_some(builder, base, whole, inside), wanted, total)
    return [builder.load(total) for total in totals]


def _add_products(builder, read, asked, size, total):
    """Add sixteen products at a time, up to `size`, which is a multiple of that."""
    step = ir.Constant(I64, 0), size, ir.Constant(I64, 16)
    with cgutils.for_range_slice(builder, *step, I64) as (place, _):
        _add(builder, read(place), load(builder, asked, place, FLOATS), total)


def _add(builder, values, wanted, total):
    product = builder.fmul(values, wanted)
    builder.store(builder.fadd(builder.load(total), product), total)


def _halved(builder, one, other, width):
    """The upper half of every `width` lanes added to the lower half, of both vectors."""
    half = width // 2
    low, high = (
        builder.shuffle_vector(
            one,
            other,
            ir.Constant(
                LANES,
                [group + shift + at for group in range(0, 32, width) for at in range(half)],
            ),
        )
        for shift in (0, half)
    )
    return builder.fadd(low, high)


def _folded(builder, lanes):
    width = 16
    while width > 1:
        width //= 2
        low, high = (
            builder.shuffle_vector(
                lanes,
                ir.Constant(lanes.type, ir.Undefined),
                ir.Constant(ir.VectorType(I32, width), list(range(first, first + width))),
            )
            for first in (0, width)
        )
        lanes = builder.fadd(low, high)
    return builder.extract_element(lanes, ir.Constant(I32, 0))


def spread(builder, value, kind):
    first = builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(I32, 0))
    nowhere = ir.Constant(ir.VectorType(I32, kind.count), None)
    return builder.shuffle_vector(first, ir.Constant(kind, ir.Undefined), nowhere)


def load(builder, pointer, place, kind):
    here = builder.bitcast(builder.gep(pointer, [place]), kind.as_pointer())
    return builder.load(here, align=1)


def _prefetch(builder, pointer, place):
    here = builder.bitcast(builder.gep(pointer, [place]), I8.as_pointer())
    kind = ir.FunctionType(ir.VoidType(), [here.type, I32, I32, I32])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
    builder.call(function, [here, *(ir.Constant(I32, number) for number in (0, 3, 1))])


def _load_some(builder, pointer, place, inside):
    here = builder.bitcast(builder.gep(pointer, [place]), FLOATS.as_pointer())
    kind = ir.FunctionType(FLOATS, [here.type, I32, inside.type, FLOATS])
    name = "llvm.masked.load.v16f32.p0v16f32"
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    return builder.call(function, [here, ir.Constant(I32, 1), inside, ir.Constant(FLOATS, None)])


def _row(context, builder, signature, args):
    """Of rows, a row and a query: where the row begins, where the query does, and their size."""
    many, at, asked = opened(context, builder, signature, args)
    size = context.make_array(signature.args[2])(context, builder, args[2]).nitems
    return builder.gep(many, [builder.mul(at, size)]), asked, size


def opened(context, builder, signature, args):
    """Each array as its address, everything else as it is."""
    return [
        context.make_array(kind)(context, builder, value).data
        if isinstance(kind, types.Array)
        else value
        for kind, value in zip(signature.args, args, strict=True)
    ]
