"""The same fit in two more processes: the same factors to the bit, the same weights to 1e-6."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from bench.listens import listens
from core import als
from core.ease import ease
from core.histories import histories
from service.errors import Unavailable
from service.learn import cluster
from service.learn.cluster import solvers_at, solvers_of
from service.learn.solvers import HERE
from service.model.arrays import to_arrays
from tests.servers import HOST, free_port
from tests.service.learn.fans import fans, fitted

distributed = pytest.importorskip("distributed", reason="Dask is not installed: echotune[cluster]")
CLOSE = 1e-6
PRICES = ("prices.npy", "exposure_shares.npy")


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Two processes with a thread each."""
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, host=HOST, dashboard_address=None
        ) as two,
        distributed.Client(two) as connected,
    ):
        yield connected


def test_factors_of_a_cluster_are_the_same_to_the_bit(client: Any) -> None:
    matrix = listens(400, 300, 8_000)

    def fit(half_step: als.HalfStep | None) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(1)
        return als.fit(matrix, dimensions=16, rng=rng, iterations=3, half_step=half_step)

    for here, there in zip(fit(None), fit(solvers_of(client).half_step), strict=True):
        assert here.tobytes() == there.tobytes()


def test_factors_that_arrive_at_an_odd_address_count_the_same() -> None:
    """NumPy multiplies such a matrix without BLAS, in another order."""
    matrix, rng = listens(400, 300, 8_000), np.random.default_rng(1)
    rows, fixed = (rng.standard_normal((n, 16)).astype(np.float32) for n in matrix.shape)
    odd = np.frombuffer(b"." + fixed.tobytes(), np.float32, offset=1).reshape(fixed.shape)
    given, _ = histories(matrix)
    options = {"alpha": 1.0, "l2": 0.01, "cg_steps": 3}

    here, there = (cluster._improved(rows, one, given, options) for one in (fixed, odd))

    assert here.tobytes() == there.tobytes()


@pytest.mark.parametrize("shape", [(400, 300), (150, 300)])
def test_weights_of_a_cluster_are_the_same_but_for_rounding(
    client: Any, shape: tuple[int, int]
) -> None:
    """By the Gram matrix of tracks, in float32, and by that of listeners, in float64."""
    matrix = listens(*shape, 8_000)

    here = ease(matrix, l2=50.0)
    there = ease(matrix, l2=50.0, inverse=solvers_of(client).inverse)

    np.testing.assert_allclose(there, here, rtol=0, atol=CLOSE)


def test_a_whole_fit_on_a_cluster_is_the_same_model(client: Any) -> None:
    """But for the prices: they are fitted on who comes twentieth, which the last bit decides."""
    here, there = fitted(fans(), "v1"), fitted(fans(), "v1", solvers=solvers_of(client))

    assert (here.blend, here.metrics) == (there.blend, there.metrics)
    theirs = to_arrays(there)
    for name, array in to_arrays(here).items():
        if name in PRICES:
            continue
        other = theirs[name]
        if array.dtype.kind == "f":
            assert array.shape == other.shape
            assert np.abs(np.subtract(other, array, dtype=np.float64)).max(initial=0) <= CLOSE, name
        else:
            assert array.tobytes() == other.tobytes(), name


class Watched:
    """A cluster that counts what is handed to it."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.submitted: list[Any] = []

    def submit(self, work: Any, *arguments: Any, pure: bool) -> Any:
        self.submitted.append(self._client.submit(work, *arguments, pure=pure))
        return self.submitted[-1]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def test_the_steps_are_taken_by_the_cluster_and_by_both_of_its_processes(
    client: Any,
) -> None:
    """The control: a fit that stays at home is the same model, too."""
    watched = Watched(client)
    given = solvers_of(watched)
    matrix = listens(400, 300, 8_000)
    ease(matrix, l2=50.0, inverse=given.inverse)
    solved = len(watched.submitted)
    als.fit(
        matrix, dimensions=16, rng=np.random.default_rng(1), iterations=3,
        half_step=given.half_step,
    )  # fmt: skip

    assert 4 == solved
    assert 3 * 2 * 4 == len(watched.submitted) - solved
    homes = {address for held in client.who_has(watched.submitted).values() for address in held}
    assert 2 == len(homes)


def test_without_an_address_a_fit_stays_at_home() -> None:
    with solvers_at(None) as solvers:
        assert solvers is HERE


def test_a_scheduler_that_does_not_answer_is_a_reason_to_try_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cluster, "CONNECT_S", 0.2)

    with (
        pytest.raises(Unavailable, match="no Dask scheduler answers at tcp://"),
        solvers_at(f"tcp://{HOST}:{free_port()}"),
    ):
        pass
