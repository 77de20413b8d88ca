"""Vector instructions that a plain loop does not get.

LLVM vectorises simple loops over typed rows, and core relies on that. Two things it cannot find:
a byte product that adds four neighbours into one int32 lane (VNNI's `vpdpbusd`: 64 products in one
instruction), and a float sum in a fixed order that is not the slow one. Both are written here as
vectors in LLVM's own language, which compiles for any CPU; only `vpdpbusd` itself is asked for by
name where the CPU has it, and spelled out in ordinary vectors where it has not. The answers are the
same to the bit: tests/core/test_simd.py runs both.

A *tile* is 64 rows, laid out so that one vector holds four features of 16 rows (`core.tiles`).

Measured, 1M x 64 bytes, one core, ms: `products_above` 2.26, `np.bitwise_xor.reduce` over the same
bytes 2.31, so a single query runs at the speed of memory; 256 queries per block 0.9 each.
"""

# mypy: disable-error-code="no-untyped-call, no-untyped-def"
# The builders below are Numba's and llvmlite's, which have no types.
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils, codegen, config
from numba.extending import intrinsic

TILE = 64
GROUPS = 4  # vectors of 16 rows in a tile
I8, I16, I32, I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))
BYTES, LANES = ir.VectorType(I8, 64), ir.VectorType(I32, 16)
FLOATS = ir.VectorType(ir.FloatType(), 16)


def vectors(build: Callable[..., Any]) -> Any:
    """Make `build` callable from kernels; a type checker sees what kernels are to it: anything."""
    return intrinsic(build)


@vectors
def products_above(typingctx, tiles, at, queries, query, limit):  # noqa: ARG001
    """Return a uint64 whose bit r is set if row r of a tile has a product sum above `limit`.

    Args:
        typingctx: Numba's.
        tiles: uint8, from `core.tiles`.
        at: Where the tile starts.
        queries: int8 `(q, d)`, d a multiple of 4.
        query: Which of them.
        limit: int32.
    """

    def generate(context, builder, signature, args):
        codes, start, asked, query, most = _open(context, builder, signature, args)
        width = _width(context, builder, signature, args)
        with _Quads(builder, codes, start, query, width) as step:
            wanted = step.quad(asked)
            for group in range(GROUPS):
                step.add(group, step.codes(group), wanted)
        return _mask(builder, ">", step.sums, most)

    return types.uint64(tiles, types.int64, queries, types.int64, types.int32), generate


@vectors
def gaps_within(typingctx, tiles, at, targets, weights, query, limit):  # noqa: ARG001
    """Return a uint64 whose bit r is set if the weighted gaps of row r add up to <= `limit`.

    Args:
        typingctx: Numba's.
        tiles: uint8, from `core.tiles`.
        at: Where the tile starts.
        targets: uint8 `(q, d)`, d a multiple of 4.
        weights: int8 `(q, d)`, not negative.
        query: Which of them.
        limit: int32.
    """

    def generate(context, builder, signature, args):
        codes, start, wanted, scale, query, most = _open(context, builder, signature, args)
        width = _width(context, builder, signature, args)
        with _Quads(builder, codes, start, query, width) as step:
            middle, weight = step.quad(wanted), step.quad(scale)
            for group in range(GROUPS):
                step.add(group, _gap(builder, step.codes(group), middle), weight)
        return _mask(builder, "<=", step.sums, most)

    signature = types.uint64(tiles, types.int64, targets, weights, types.int64, types.int32)
    return signature, generate


@vectors
def known_gaps_within(typingctx, tiles, at, targets, weights, query, limit, absent):  # noqa: ARG001
    """As `gaps_within`, where a code of 255 stands for a missing value whose gap is `absent`."""

    def generate(context, builder, signature, args):
        codes, start, wanted, scale, query, most, gap = _open(context, builder, signature, args)
        instead = _spread(builder, gap, BYTES)
        missing = ir.Constant(BYTES, [255] * 64)
        width = _width(context, builder, signature, args)
        with _Quads(builder, codes, start, query, width) as step:
            middle, weight = step.quad(wanted), step.quad(scale)
            for group in range(GROUPS):
                found = step.codes(group)
                lacks = builder.icmp_unsigned("==", found, missing)
                far = builder.select(lacks, instead, _gap(builder, found, middle))
                step.add(group, far, weight)
        return _mask(builder, "<=", step.sums, most)

    signature = types.uint64(
        tiles, types.int64, targets, weights, types.int64, types.int32, types.uint8
    )
    return signature, generate


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
        many, at, asked = _open(context, builder, signature, args)
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
            add(*(_load(builder, one, place, FLOATS) for one in (base, asked)))
        rest = builder.sub(size, whole)
        with builder.if_then(builder.icmp_signed(">", rest, ir.Constant(I64, 0))):
            lanes = ir.Constant(ir.VectorType(I64, 16), list(range(16)))
            inside = builder.icmp_signed("<", lanes, _spread(builder, rest, lanes.type))
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


class _Quads:
    """A loop over the quads of a tile that adds products into four vectors of int32."""

    def __init__(self, builder, codes, start, query, width):
        self.builder, self.count = builder, builder.lshr(width, ir.Constant(I64, 2))
        self.tile, self.first = builder.gep(codes, [start]), builder.mul(query, width)

    def __enter__(self):
        builder, before = self.builder, self.builder.block
        self.body, self.after = (builder.append_basic_block(name) for name in ("quad", "sums"))
        builder.branch(self.body)
        builder.position_at_end(self.body)
        self.index = builder.phi(I64)
        self.index.add_incoming(ir.Constant(I64, 0), before)
        self.before = [builder.phi(LANES) for _ in range(GROUPS)]
        for total in self.before:
            total.add_incoming(ir.Constant(LANES, None), before)
        self.sums = list(self.before)
        return self

    def __exit__(self, *_: object) -> None:
        builder = self.builder
        following = builder.add(self.index, ir.Constant(I64, 1))
        self.index.add_incoming(following, self.body)
        for before, after in zip(self.before, self.sums, strict=True):
            before.add_incoming(after, self.body)
        builder.cbranch(builder.icmp_signed("<", following, self.count), self.body, self.after)
        builder.position_at_end(self.after)

    def quad(self, array):
        """Four bytes of the query, beside each other sixteen times."""
        builder = self.builder
        place = builder.add(self.first, builder.mul(self.index, ir.Constant(I64, 4)))
        four = builder.bitcast(builder.gep(array, [place]), I32.as_pointer())
        return builder.bitcast(_spread(builder, builder.load(four, align=1), LANES), BYTES)

    def codes(self, group):
        """Four features of sixteen rows."""
        builder = self.builder
        place = builder.mul(self.index, ir.Constant(I64, GROUPS * 64))
        place = builder.add(place, ir.Constant(I64, group * 64))
        return _load(builder, self.tile, place, BYTES)

    def add(self, group, unsigned, signed):
        self.sums[group] = _add_products(self.builder, self.sums[group], unsigned, signed)


def _add_products(builder, total, unsigned, signed):
    if has_vnni():
        kind = ir.FunctionType(LANES, [LANES] * 3)
        name = "llvm.x86.avx512.vpdpbusd.512"
        function = cgutils.get_or_insert_function(builder.module, kind, name)
        both = (builder.bitcast(four, LANES) for four in (unsigned, signed))
        return builder.call(function, [total, *both])
    for place in range(4):
        every = ir.Constant(LANES, list(range(place, 64, 4)))
        one, other = (
            builder.shuffle_vector(bytes_, ir.Constant(BYTES, ir.Undefined), every)
            for bytes_ in (unsigned, signed)
        )
        product = builder.mul(builder.zext(one, LANES), builder.sext(other, LANES))
        total = builder.add(total, product)
    return total


def _gap(builder, one, other):
    above = builder.icmp_unsigned(">", one, other)
    high, low = builder.select(above, one, other), builder.select(above, other, one)
    return builder.sub(high, low)


def _mask(builder, relation, sums, limit):
    most, mask = _spread(builder, limit, LANES), ir.Constant(I64, 0)
    for group, total in enumerate(sums):
        bits = builder.bitcast(builder.icmp_signed(relation, total, most), I16)
        place = ir.Constant(I64, 16 * group)
        mask = builder.or_(mask, builder.shl(builder.zext(bits, I64), place))
    return mask


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


def _spread(builder, value, kind):
    first = builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(I32, 0))
    nowhere = ir.Constant(ir.VectorType(I32, kind.count), None)
    return builder.shuffle_vector(first, ir.Constant(kind, ir.Undefined), nowhere)


def _load(builder, pointer, place, kind):
    here = builder.bitcast(builder.gep(pointer, [place]), kind.as_pointer())
    return builder.load(here, align=1)


def _load_some(builder, pointer, place, inside):
    here = builder.bitcast(builder.gep(pointer, [place]), FLOATS.as_pointer())
    kind = ir.FunctionType(FLOATS, [here.type, I32, inside.type, FLOATS])
    name = "llvm.masked.load.v16f32.p0v16f32"
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    return builder.call(function, [here, ir.Constant(I32, 1), inside, ir.Constant(FLOATS, None)])


def _width(context, builder, signature, args):
    """How many bytes a query has."""
    queries = context.make_array(signature.args[2])(context, builder, args[2])
    return cgutils.unpack_tuple(builder, queries.shape, 2)[1]


def _open(context, builder, signature, args):
    """Each array as its address, everything else as it is."""
    return [
        context.make_array(kind)(context, builder, value).data
        if isinstance(kind, types.Array)
        else value
        for kind, value in zip(signature.args, args, strict=True)
    ]
