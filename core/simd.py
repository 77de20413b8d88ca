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
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils, codegen, config
from numba.extending import intrinsic

I8, I16, I32, I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))
BYTES, LANES = ir.VectorType(I8, 64), ir.VectorType(I32, 16)
FLOATS = ir.VectorType(ir.FloatType(), 16)


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
        many, at, asked = opened(context, builder, signature, args)
        size = context.make_array(signature.args[2])(context, builder, args[2]).nitems
        base = builder.gep(many, [builder.mul(at, size)])
        whole = builder.and_(size, ir.Constant(I64, -16))
        total = cgutils.alloca_once_value(builder, ir.Constant(FLOATS, None))

        def add(x, y):
            product = builder.fmul(x, y)
            builder.store(builder.fadd(builder.load(total), product), total)

        with cgutils.for_range_slice(
            builder, ir.Constant(I64, 0), whole, ir.Constant(I64, 16), I64
        ) as (place, _):
            add(*(load(builder, one, place, FLOATS) for one in (base, asked)))
        rest = builder.sub(size, whole)
        with builder.if_then(builder.icmp_signed(">", rest, ir.Constant(I64, 0))):
            lanes = ir.Constant(ir.VectorType(I64, 16), list(range(16)))
            inside = builder.icmp_signed("<", lanes, spread(builder, rest, lanes.type))
            add(*(_load_some(builder, one, whole, inside) for one in (base, asked)))
        return _folded(builder, builder.load(total))

    return types.float32(rows, types.int64, query), generate


@vectors
def lowest(typingctx, mask):  # noqa: ARG001
    """Return the place of the lowest set bit of a uint64 that is not 0."""

    def generate(_context, builder, _signature, args):
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate


def has_vnni() -> bool:
    """Whether kernels compile to `vpdpbusd` on this machine, under Numba's settings."""
    features = config.CPU_FEATURES  # Numba sets it by name
    listed = codegen.get_host_cpu_features() if features is None else features
    return {"+avx512vnni", "+avx512bw"} <= set(listed.split(","))


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


def _load_some(builder, pointer, place, inside):
    here = builder.bitcast(builder.gep(pointer, [place]), FLOATS.as_pointer())
    kind = ir.FunctionType(FLOATS, [here.type, I32, inside.type, FLOATS])
    name = "llvm.masked.load.v16f32.p0v16f32"
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    return builder.call(function, [here, ir.Constant(I32, 1), inside, ir.Constant(FLOATS, None)])


def opened(context, builder, signature, args):
    """Each array as its address, everything else as it is."""
    return [
        context.make_array(kind)(context, builder, value).data
        if isinstance(kind, types.Array)
        else value
        for kind, value in zip(signature.args, args, strict=True)
    ]
