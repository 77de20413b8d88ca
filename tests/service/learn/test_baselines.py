from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np
import pytest
from scipy.sparse import csr_array

from service.learn import baselines
from service.learn.baselines import (
    OF_IMPLICIT,
    OURS,
    Baseline,
    Options,
    Scores,
    item_knn,
    plain_ease,
    popularity,
)

EVERYBODY = np.arange(4)
HEARD = csr_array(np.array([[1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 1, 1], [1, 0, 0, 0]], np.float32))


def test_popularity_scores_everybody_by_listeners() -> None:
    assert [[3, 2, 2, 1]] * 4 == popularity(HEARD, {})(EVERYBODY).tolist()


def test_item_knn_adds_cosines_of_the_nearest() -> None:
    """Track 1 is at 2 / sqrt(6) from track 0, the only thing user 3 has heard."""
    every = item_knn(HEARD, {"neighbours": 50})(EVERYBODY)
    nearest = item_knn(HEARD, {"neighbours": 1})(EVERYBODY)

    np.testing.assert_allclose(every[3], [0, 2 / 6**0.5, 1 / 6**0.5, 0], rtol=1e-6)
    np.testing.assert_allclose(nearest[3], [0, 2 / 6**0.5, 0, 0], rtol=1e-6)


def test_ease_prefers_what_is_heard_together() -> None:
    scores = plain_ease(HEARD, {"l2": 1.0})(EVERYBODY)

    assert scores[3, 1] > scores[3, 2] > scores[3, 3]


@pytest.mark.parametrize("baseline", OURS + OF_IMPLICIT, ids=lambda one: one.name)
def test_lists_leave_out_what_was_heard_and_repeat_from_run_to_run(baseline: Baseline) -> None:
    if baseline in OF_IMPLICIT and not find_spec("implicit"):
        pytest.skip("implicit is not installed")
    taste = np.random.default_rng(0).random((40, 24)) < np.kron(np.eye(2), np.full((20, 12), 0.6))
    final = csr_array(taste.astype(np.float32))
    fit = csr_array((taste & (np.random.default_rng(1).random(taste.shape) < 0.8)).astype("f4"))
    users = np.arange(40)
    small = Baseline(baseline.name, baseline.fit, _smaller(baseline))

    one, other = (
        baselines.run(small, fit, csr_array(final - fit), final, users, k=5) for _ in range(2)
    )

    np.testing.assert_array_equal(one.shown, other.shown)
    for user, shown in enumerate(one.shown):
        assert not taste[user, shown[shown >= 0]].any()


def test_the_better_options_are_chosen() -> None:
    """Strength 1 finds what validation hides, strength -1 the opposite."""
    hidden = csr_array(np.array([[0, 0, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0], [0, 1, 0, 0]], "f4"))

    def fit(_heard: csr_array, said: Options) -> Scores:
        return lambda users: np.float32(said["s"]) * hidden[users].toarray()

    made = Baseline("oracle", fit, {"s": (-1, 1)})

    found = baselines.run(made, HEARD, hidden, HEARD, EVERYBODY, k=1)

    assert {"s": 1} == found.options
    assert [[2], [3], [0], [1]] == found.shown.tolist()


def _smaller(baseline: Baseline) -> dict[str, Sequence[float]]:
    return {name: (min(8.0, *values),) for name, values in baseline.grid.items()}
