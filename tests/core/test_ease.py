import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import csc_array, csr_array, csr_matrix

from core import reference
from core.ease import BLOCK, _mirror, ease, factorise, inverse_rows, invert

STRENGTH = st.sampled_from([0.0, 0.0, 0.0, 1.0, 1.2, -0.5])
SHAPE = st.tuples(st.integers(0, 9), st.integers(1, 9))


def taste(users, tracks, seed=0):
    chosen = np.random.default_rng(seed).random((users, tracks)) < 0.1
    return csr_array(chosen.astype(np.float32))


def test_known_answer():
    """Both tracks are always heard together: P = [[3, 2], [2, 3]]^-1, so B = 2 / 3."""
    dense = ease(csr_array(np.ones((2, 2), np.float32)), l2=1.0)

    np.testing.assert_allclose(dense, [[0, 2 / 3], [2 / 3, 0]], rtol=1e-6)


@settings(max_examples=500)
@given(x=SHAPE.flatmap(lambda s: arrays(np.float32, s, elements=STRENGTH)), choose=st.data())
def test_matches_reference(x, choose):
    """Both ways of inverting, one penalty for all or one per track."""
    penalty = st.floats(0.5, 100, width=32)
    l2 = choose.draw(penalty | arrays(np.float32, x.shape[1], elements=penalty))

    np.testing.assert_allclose(
        ease(csr_array(x), l2=l2), reference.ease(csr_array(x), l2=l2), rtol=1e-3, atol=1e-5
    )


@pytest.mark.parametrize("users", [40, 2 * BLOCK])
def test_matches_reference_over_several_blocks(users):
    """More tracks than users, and fewer."""
    x = taste(users, BLOCK + 30)

    np.testing.assert_allclose(ease(x, l2=5.0), reference.ease(x, l2=5.0), atol=2e-6)


def test_both_ways_agree():
    """A user without a listen changes nothing but which Gram matrix is the smaller."""
    few = taste(30, 40)
    padded = csr_array((few.data, few.indices, np.r_[few.indptr, [few.nnz] * 20]), shape=(50, 40))

    np.testing.assert_allclose(ease(few, l2=5.0), ease(padded, l2=5.0), atol=1e-6)


def test_a_track_nobody_heard_has_no_weight():
    dense = ease(csr_array(np.array([[1, 0, 1], [1, 0, 0], [0, 0, 1]], np.float32)), l2=1.0)

    assert not dense[1].any()
    assert not dense[:, 1].any()


def test_the_matrix_given_is_left_alone():
    given_ = csr_matrix(taste(20, 10))
    before = given_.toarray()
    ease(given_, l2=1.0)

    np.testing.assert_array_equal(before, given_.toarray())


def test_mirror_copies_up_to_down_across_tiles():
    square = np.random.default_rng(0).random((150, 150), np.float32)
    upper = np.triu(square)
    _mirror(square)

    np.testing.assert_array_equal(upper + np.triu(upper, 1).T, square)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_of_the_inverse_can_be_made_block_by_block(dtype):
    """`factorise` then `inverse_rows` is what `invert` makes, up to rounding."""
    lines = np.random.default_rng(2).random((40, 30)).astype(dtype)
    gram, penalties = lines.T @ lines, np.linspace(1, 2, 30)
    at_once, factor = gram.copy(), gram.copy()
    invert(at_once, penalties)
    factorise(factor, penalties)

    blocks = [inverse_rows(factor, *ends) for ends in ((0, 7), (7, 8), (8, 30))]

    assert {np.dtype(dtype)} == {block.dtype for block in blocks}
    whole = np.concatenate(blocks)
    np.testing.assert_allclose(whole, at_once, rtol=0, atol=1e-5)
    near = whole.astype(float) @ (gram.astype(float) + np.diag(penalties))
    np.testing.assert_allclose(near, np.eye(30), rtol=0, atol=1e-3)


def test_the_inverse_of_a_diagonal_is_known():
    factor = np.zeros((3, 3))
    factorise(factor, np.array([1.0, 4.0, 16.0]))

    assert [[0.0, 0.25, 0.0], [0.0, 0.0, 0.0625]] == inverse_rows(factor, 1, 3).tolist()


def test_what_has_no_cholesky_factor_is_refused():
    with pytest.raises(ValueError, match="not positive definite"):
        factorise(np.full((2, 2), -1.0), np.ones(2))


def test_somebody_else_may_invert():
    """And is asked for the very matrix that `invert` would have been given."""
    asked = []

    def elsewhere(gram, penalties):
        asked.append((gram.dtype, gram.shape, penalties.tolist()))
        invert(gram, penalties)

    for users, tracks in ((9, 4), (3, 7)):
        matrix = taste(users, tracks)
        np.testing.assert_array_equal(ease(matrix, l2=2.0), ease(matrix, l2=2.0, inverse=elsewhere))
    assert [
        (np.float32, (4, 4), [2.0] * 4),
        (np.float64, (3, 3), [1.0] * 3),
    ] == asked


GOOD = taste(5, 4)
REPEATED = csr_array((np.ones(2, np.float32), [1, 1], [0, 2]), shape=(1, 4))


@pytest.mark.parametrize(
    "interactions, l2, message",
    [
        (GOOD.astype(np.float64), 1.0, "must be float32 csr, got float64 csr"),
        (csc_array(GOOD), 1.0, "must be float32 csr, got float32 csc"),
        (REPEATED, 1.0, "must have ascending columns"),
        (csr_array(np.array([[np.inf, 1]], np.float32)), 1.0, "interactions must be finite"),
        (GOOD, 0.0, "l2 must be above 0 and finite, got 0.0"),
        (GOOD, np.nan, "l2 must be above 0"),
        (GOOD, np.zeros(4, np.float32), "l2 must be above 0"),
        (GOOD, np.ones(3, np.float32), r"l2 must be float32 \(4,\), got float32 \(3,\)"),
        (csr_array(np.full((9, 9), 1e6, np.float32)), 1e-6, "l2 is too small"),
    ],
)
def test_what_does_not_fit_is_refused(interactions, l2, message):
    with pytest.raises(ValueError, match=message):
        ease(interactions, l2=l2)
