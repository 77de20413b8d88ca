import numpy as np
import pytest
from scipy.sparse import csr_array

from service.learn.footprint import Footprint, measured
from service.learn.scorecard import compare, exam, mark


def plays(dense: list[list[int]]) -> csr_array:
    return csr_array(np.array(dense, np.float32))


HEARD = plays([[1] * 11 + [0] * 3, [1] + [0] * 13, [1] * 6 + [0] * 8])
TEST = plays([[0] * 11 + [1, 0, 0], [0] * 12 + [1, 0], [0] * 14])
RIGHT, WRONG = np.array([[11], [12]], np.int32), np.array([[13], [13]], np.int32)


def test_only_users_with_something_to_find_are_asked() -> None:
    assert [0, 1] == exam(TEST, HEARD).users.tolist()


def test_a_right_and_a_wrong_list_are_marked() -> None:
    of = exam(TEST, HEARD)

    right, wrong = mark(of, RIGHT), mark(of, WRONG, Footprint(2.0, 9.0))

    assert (1.0, 1.0, 1.0) == (right.quality.recall, right.quality.ndcg, right.quality.mrr)
    assert (1.0, 1.0) == (right.intervals["ndcg"].low, right.intervals["ndcg"].high)
    assert (0.0, 2.0, 9.0) == (wrong.quality.recall, wrong.fit_s, wrong.peak_mb)


def test_cold_slices_hold_cold_users_and_tracks_alone() -> None:
    """User 0 heard eleven tracks, so only user 1 is cold; nobody has heard tracks 11 and 12."""
    slices = mark(exam(TEST, HEARD), np.array([[11], [13]], np.int32)).slices

    assert (1, 0.0) == (slices["cold users"].users, slices["cold users"].recall)
    assert (2, 0.5) == (slices["cold tracks"].users, slices["cold tracks"].recall)


def test_an_empty_slice_has_no_figures() -> None:
    heard = plays([[1] * 11 + [0]] * 6)
    test = plays([[0] * 11 + [1]] * 6)

    card = mark(exam(test, heard), np.full((6, 1), 11, np.int32))

    assert 0 == card.slices["cold users"].users
    assert np.isnan(card.slices["cold users"].ndcg)


def test_a_comparison_is_the_mean_difference() -> None:
    of = exam(TEST, HEARD)

    found = compare(of, RIGHT, WRONG)

    assert (1.0, 1.0, 1.0) == (found.difference, found.low, found.high)
    assert 0.0 == compare(of, WRONG, WRONG).difference


def test_a_footprint_tells_the_peak_of_its_own_work() -> None:
    with measured() as large:
        np.ones(30_000_000, np.float64).sum()
    with measured() as small:
        np.ones(1_000, np.float64).sum()

    if large.peak_mb is None or small.peak_mb is None:
        pytest.skip("this system does not tell the peak of a process")
    assert large.peak_mb > small.peak_mb + 150
