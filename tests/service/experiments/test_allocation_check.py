"""A split that is not as it was meant to be is seen."""

import pytest

from service.experiments.allocation_check import check_allocation


@pytest.mark.parametrize(
    "counts, weights, verdict",
    [
        ([44_700, 45_489], [1, 1], "warning"),
        ([44_700, 44_750], [1, 1], "ok"),
        ([44_700, 46_000], [1, 1], "alarm"),
        ([10_000, 30_000], [1, 3], "ok"),
        ([10_000, 30_000], [1, 1], "alarm"),
        ([300, 300, 300], [1, 1, 1], "ok"),
        ([0, 0], [1, 1], "ok"),
    ],
)
def test_splits(counts: list[int], weights: list[float], verdict: str) -> None:
    assert verdict == check_allocation(counts, weights).verdict


@pytest.mark.parametrize("counts, weights", [([1], [1]), ([1, 2], [1]), ([1, 2], [1, 0])])
def test_what_does_not_fit_is_refused(counts: list[int], weights: list[float]) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        check_allocation(counts, weights)
