import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import reference
from core.cells import MISSING, NOBODY, RARE, arrange, boxes
from core.tiles import TILE


@st.composite
def catalogues(draw):
    """Codes with ties, and with several patterns of missing features of which some are rare."""
    d, n = draw(st.integers(1, 9)), draw(st.integers(0, 3 * RARE))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    codes = rng.integers(0, draw(st.sampled_from([1, 3, 255])), (n, d)).astype(np.uint8)
    lacking = draw(st.sampled_from([0.0, 0.02, 0.5]))
    lacks = rng.random((draw(st.integers(1, 4)), d)) < lacking
    codes[lacks[rng.integers(0, len(lacks), n)]] = MISSING
    return codes, bool(lacks.any())


def test_known_answer():
    """Two features of 128 rows; the second varies more, so it parts them in the middle."""
    codes = np.zeros((128, 2), np.uint8)
    codes[:, 0] = np.arange(128) % 2
    codes[:, 1] = np.where(np.arange(128) % 4 < 2, 9, 200)

    order = arrange(codes, missing=False)

    assert [0, 1, 4, 5] == order[:4].tolist()
    assert [2, 3, 6, 7] == order[TILE : TILE + 4].tolist()
    assert [[[0, 0], [9, 200]], [[1, 1], [9, 200]]] == boxes(codes, order).tolist()


def test_rows_that_lack_the_same_stay_together():
    codes = np.full((2 * RARE, 2), 7, np.uint8)
    codes[::2, 1] = MISSING

    order = arrange(codes, missing=True)

    assert np.arange(1, 2 * RARE, 2).tolist() == order[:RARE].tolist()
    assert [7, 0] == boxes(codes, order)[0, :, -1].tolist()


@settings(max_examples=500, deadline=None)
@given(catalogue=catalogues())
def test_matches_reference(catalogue):
    codes, missing = catalogue

    order = arrange(codes, missing=missing)

    assert reference.arrange(codes).tolist() == order.tolist()
    assert reference.boxes(codes, order).tolist() == boxes(codes, order).tolist()


@settings(max_examples=500, deadline=None)
@given(catalogue=catalogues())
def test_every_row_has_one_place_and_lies_in_the_box_of_its_cell(catalogue):
    codes, missing = catalogue

    order = arrange(codes, missing=missing)
    found = boxes(codes, order)

    assert list(range(len(codes))) == sorted(order[order != NOBODY].tolist())
    for cell, places in enumerate(order.reshape(-1, TILE)):
        rows = places[places != NOBODY]
        assert (np.diff(rows) > 0).all()
        known = codes[rows] != MISSING
        assert (~known | (codes[rows] >= found[0, :, cell])).all()
        assert (~known | (codes[rows] <= found[1, :, cell])).all()


@pytest.mark.parametrize("n", [0, 1, TILE, TILE + 1])
def test_no_cell_is_empty(n):
    order = arrange(np.zeros((n, 3), np.uint8), missing=False)

    assert -(-n // TILE) * TILE == order.size
    assert (order.reshape(-1, TILE)[:, 0] != NOBODY).all()
