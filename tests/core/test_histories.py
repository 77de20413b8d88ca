import numpy as np
import pytest
from scipy.sparse import csr_array

from core.histories import Histories, histories


def f32(values):
    return np.array(values, np.float32)


def i32(values):
    return np.array(values, np.int32)


def test_both_sides_hold_the_same_entries():
    by_user, by_track = histories(csr_array(f32([[0, 2, 3], [4, 0, 0]])))

    assert [[0, 2, 3], [1, 2, 0]] == [by_user.indptr.tolist(), by_user.columns.tolist()]
    assert [[0, 1, 2, 3], [1, 0, 0]] == [by_track.indptr.tolist(), by_track.columns.tolist()]
    assert [4, 2, 3] == by_track.strengths.tolist()
    assert (2, 3) == (by_user.size, by_track.size)


def test_broken_histories_cannot_be_made():
    with pytest.raises(ValueError, match="columns must ascend within a row, row 0 does not"):
        Histories(np.array([0, 2]), i32([1, 0]), f32([1, 1]))


def test_a_part_is_its_rows_alone():
    whole = Histories(np.array([0, 2, 2, 3, 5]), i32([0, 4, 1, 2, 3]), f32(range(5)))

    part = whole.part(1, 4)

    assert [0, 0, 1, 3] == part.indptr.tolist()
    assert [1, 2, 3] == part.columns.tolist()
    assert [2, 3, 4] == part.strengths.tolist()
    assert (0, 4) == (whole.part(2, 2).size, whole.part(0, 4).size)
