"""A fit on a Dask cluster: the same kernels on blocks of rows, in as many processes as there are.

A half-step of ALS is a least-squares problem per row, and so is each row of the inverse that the
item-to-item model needs: both split anywhere. The rest of a fit stays where it is.

Factors come out as they do here, to the bit. The inverse is solved for row by row, which rounds
otherwise than inverting at once: weights agree to 1e-6, and prices, which are fitted on who comes
last on a list, no better than to what a tie decides.

Needs `pip install echotune[cluster]` here, and EchoTune of the same release on the workers. Dask
sends pickled code to whoever connects: a cluster belongs on a network of its own.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from core.als import improve
from core.arrays import F32, F64
from core.ease import factorise, inverse_rows
from core.histories import Histories
from service.errors import Invalid, Unavailable
from service.learn.solvers import HERE, Solvers

CONNECT_S = 10
PARTS = 2
"""Blocks per worker thread: the one that is done first takes the next."""


class Cluster(Protocol):
    """What is used of `distributed.Client`."""

    def scatter(self, data: Any, *, broadcast: bool = False, hash: bool = True) -> Any: ...  # noqa: ANN401

    def submit(self, work: Any, *arguments: Any, pure: bool) -> Any: ...  # noqa: ANN401

    def gather(self, futures: list[Any]) -> list[Any]: ...

    def nthreads(self) -> Mapping[str, int]: ...


@contextmanager
def solvers_at(address: str | None) -> Iterator[Solvers]:
    """The solvers of the cluster whose scheduler has this address; None: those of this process.

    Raises:
        Invalid: Dask is not installed.
        Unavailable: nobody answers there.
    """
    if address is None:
        yield HERE
        return
    try:
        distributed = import_module("distributed")  # an extra: it has no types, and may be missing
    except ImportError as error:
        raise Invalid(
            "ECHOTUNE_CLUSTER_URL is set and Dask is not installed: pip install echotune[cluster]"
        ) from error
    try:
        client = distributed.Client(address, timeout=CONNECT_S)
    except OSError as error:
        raise Unavailable(f"no Dask scheduler answers at {address}") from error
    with client:
        yield solvers_of(client)


def solvers_of(client: Cluster) -> Solvers:
    """The solvers of a cluster that somebody is connected to."""
    return Solvers(inverse=_Inverse(client), half_step=_HalfStep(client))


class _Inverse:
    """As `core.ease.invert`: factorised here, solved for block by block there."""

    def __init__(self, client: Cluster) -> None:
        self._client = client

    def __call__(self, gram: F32 | F64, penalties: F64) -> None:
        if gram.size == 0:
            return
        factorise(gram, penalties)
        factor = self._client.scatter(gram, broadcast=True, hash=False)
        bounds = _bounds(self._client, np.arange(len(gram) + 1))
        blocks = [
            self._client.submit(inverse_rows, factor, first, last, pure=False)
            for first, last in bounds
        ]
        for (first, last), rows in zip(bounds, self._client.gather(blocks), strict=True):
            gram[first:last] = rows


class _HalfStep:
    """As `core.als.improve`: histories lie with the workers, factors travel."""

    def __init__(self, client: Cluster) -> None:
        self._client = client
        self._kept: list[tuple[Histories, list[tuple[int, int]], list[Any]]] = []

    def __call__(self, rows: F32, fixed: F32, given: Histories, **options: Any) -> None:  # noqa: ANN401
        shared = self._client.scatter(fixed, broadcast=True, hash=False)
        bounds, parts = self._parts(given, rows.shape[1])
        blocks = [
            self._client.submit(_improved, rows[first:last], shared, part, options, pure=False)
            for (first, last), part in zip(bounds, parts, strict=True)
        ]
        for (first, last), better in zip(bounds, self._client.gather(blocks), strict=True):
            rows[first:last] = better

    def _parts(self, given: Histories, dimensions: int) -> tuple[list[tuple[int, int]], list[Any]]:
        for histories, bounds, parts in self._kept:
            if histories is given:
                return bounds, parts
        costs = given.indptr + np.arange(given.size + 1) * dimensions
        bounds = _bounds(self._client, costs)
        parts = self._client.scatter([given.part(*one) for one in bounds], hash=False)
        self._kept = [*self._kept[-1:], (given, bounds, parts)]
        return bounds, parts


def _improved(rows: F32, fixed: F32, given: Histories, options: dict[str, Any]) -> F32:
    """On a worker."""
    better = rows.copy()  # what arrives is read-only
    # It may also begin at any byte, and then NumPy does without BLAS, which rounds otherwise.
    improve(better, np.require(fixed, requirements="A"), given, **options)
    return better


def _bounds(client: Cluster, costs: np.ndarray[Any, Any]) -> list[tuple[int, int]]:
    """Ranges of rows, each about as costly as the next."""
    many = PARTS * max(sum(client.nthreads().values()), 1)
    shares = np.linspace(costs[0], costs[-1], many + 1)[1:-1]
    bounds = np.unique([0, *np.searchsorted(costs, shares), costs.size - 1]).tolist()
    return list(pairwise(bounds))
