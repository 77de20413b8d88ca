import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numba import njit

from core import tiles
from core.gaps import add_feature
from core.kernel import kernel
from core.nearest import nearest
from core.products import _search
from core.simd import has_vnni
from core.tiles import place
from core.topk import any_above
from core.warmup import warm

ROOT = Path(__file__).parents[2]
WIDTHS = st.integers(2, 10).map(lambda pairs: 2 * pairs)


@kernel
def products_above(codes, query, limit):
    return tiles.products_above(codes, 0, query.reshape(1, -1), 0, limit)


@kernel
def gaps_within(codes, target, weights, limit):
    return tiles.gaps_within(codes, 0, target.reshape(1, -1), weights.reshape(1, -1), 0, limit)


@kernel
def known_gaps_within(codes, target, weights, limit, absent):
    return tiles.known_gaps_within(
        codes, 0, target.reshape(1, -1), weights.reshape(1, -1), 0, limit, absent
    )


def tiled(codes):
    """uint8 (64, d) as one tile."""
    tile = np.empty(codes.size, np.uint8)
    for row in range(codes.shape[0]):
        for j in range(codes.shape[1]):
            tile[place.py_func(row, j, codes.shape[1])] = codes[row, j]
    return tile


def bits(flags):
    return sum(1 << int(at) for at in np.flatnonzero(flags))


@settings(max_examples=500)
@given(draw=st.data(), width=WIDTHS)
def test_masks_match_plain_sums(draw, width):
    codes = draw.draw(arrays(np.uint8, (64, width)))
    codes[:, 0] = np.arange(64) * 4
    query = draw.draw(arrays(np.int8, width))
    target = draw.draw(arrays(np.uint8, width))
    weights = np.abs(query.astype(np.int16)).clip(0, 127).astype(np.int8)
    products = codes.astype(int) @ query.astype(int)
    gaps = np.abs(codes.astype(int) - target)
    known = np.where(codes == 255, 9, gaps) @ weights.astype(int)
    limits = [np.int32(sums[draw.draw(st.integers(0, 63))]) for sums in (products, gaps @ weights)]

    assert bits(products > limits[0]) == products_above(tiled(codes), query, limits[0])
    assert bits(gaps @ weights.astype(int) <= limits[1]) == gaps_within(
        tiled(codes), target, weights, limits[1]
    )
    assert bits(known <= limits[1]) == known_gaps_within(
        tiled(codes), target, weights, limits[1], np.uint8(9)
    )


def compiled(scan, *args):
    """The assembly of a kernel, compiled anew: one read from the cache does not always have any."""
    again = njit(nogil=True, error_model="numpy")(scan.py_func)
    if args:
        again(*args)
    else:
        warm()
        again.compile(scan.signatures[0])
    return "\n".join(again.inspect_asm().values())


ROW, ONE = np.ones(256, np.float32), np.float32(1)
SCANS = [
    (add_feature, (ROW, ONE, ONE, ROW.copy(), ROW.copy())),
    (any_above, (ROW, ONE)),
    (nearest, ()),
    (_search, ()),
]


@pytest.mark.parametrize(
    "scan, args", SCANS, ids=["add_feature", "any_above", "nearest", "_search"]
)
def test_every_scan_is_vectorised(scan, args):
    """The wide registers of x86 are ymm and zmm; Arm's vectors have a shape at their name."""
    text = compiled(scan, *args)
    wide = sum(text.count(name) for name in ("ymm", "zmm", ".16b", ".4s"))

    assert wide >= 8


@pytest.mark.parametrize("scan", [nearest, _search])
@pytest.mark.skipif(not has_vnni(), reason="this CPU has no AVX-512 VNNI")
def test_byte_products_are_one_instruction_where_the_cpu_has_it(scan):
    assert compiled(scan).count("vpdpbusd") >= 4


@pytest.mark.parametrize("cpu, features", [("generic", ""), ("x86-64-v3", "+avx2,+fma")])
@pytest.mark.skipif(not has_vnni(), reason="the other path is the one that runs here")
def test_a_cpu_without_the_instruction_gives_the_same_answers(cpu, features, tmp_path):
    """The tests of this file and of both searches again, in a process that compiles for it."""
    tests = [f"tests/core/test_{name}.py" for name in ("mips", "nearest")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-k", "many_blocks or many_tiles", *tests],
        cwd=ROOT,
        env=os.environ
        | {
            "NUMBA_CPU_NAME": cpu,
            "NUMBA_CPU_FEATURES": features,
            "NUMBA_CACHE_DIR": str(tmp_path),
        },
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout + done.stderr
