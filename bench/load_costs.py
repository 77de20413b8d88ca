"""What a list, a listen and a hit cost, each by itself."""

from collections.abc import Iterator
from time import perf_counter

import numpy as np

from bench.load_service import Service
from bench.load_traffic import listen, recommendations
from bench.open_loop import Measured, closed_loop

WARM_LISTS, WRITES = 300, 3_000
LISTS_A_SECOND = 150  # of one client, at least
ROUNDS = 10


def one_of_each(one: Service, users: list[str], tracks: list[str], *, n: int) -> dict[str, float]:
    """Lists nobody has asked for, by 1 and by 32 clients; then listens by 16; each user once.

    What 32 ask for is more than there is room for: they go on until the limit has settled.
    """
    fresh = iter(users)
    warm = (recommendations(next(fresh)) for _ in iter(int, 1))
    closed_loop(one.address, _first(warm, WARM_LISTS), connections=2, seconds=60)
    costs = {}
    for clients, most in ((1, n), (32, len(users) // 2)):
        used, done = _spent(one, _first(warm, most), clients, seconds=n / LISTS_A_SECOND)
        made = done.tier == "personal"  # the others got what was there without work
        costs[f"p95 ms of a miss, {clients} client" + "s" * (clients > 1)] = float(
            np.percentile(done.latency_s[made], 95) * 1e3
        )
        costs[f"lists/s, {clients} client" + "s" * (clients > 1)] = float(
            made.sum() / done.latency_s.sum() * clients
        )
        if clients == 1:
            costs["CPU ms of a miss"] = used / len(done.status) * 1e3
    now = "2026-01-01T00:00:00Z"
    writes = (
        listen(users[-number], tracks[number % len(tracks)], at=now, number=f"w{number}")
        for number in range(1, min(WRITES, n) + 1)
    )
    used, done = _spent(one, writes, 16, seconds=120)
    costs["CPU ms of a write"] = used / len(done.status) * 1e3
    costs["writes/s, 16 clients"] = len(done.status) / done.latency_s.sum() * 16
    return costs


def hit_against_constant(
    one: Service, address: tuple[str, int], user: str, *, n: int
) -> dict[str, float]:
    """Requests a second of a list that is kept, as a share of a constant answer's.

    The median of rounds in turn: the speed of a shared machine moves by a third within minutes.
    """
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(ROUNDS):
        for where, rates in ((one.address, ours), (address, theirs)):
            requests = (recommendations(user) for _ in range(n // ROUNDS))
            start = perf_counter()
            closed_loop(where, requests, connections=32, seconds=60)
            rates.append(n // ROUNDS / (perf_counter() - start))
    return {
        "hits/s, one worker": float(np.median(ours)),
        "constant answers/s, one worker": float(np.median(theirs)),
        "a hit, of a constant answer": float(np.median(np.divide(ours, theirs))),
    }


def _spent(
    one: Service, requests: Iterator[bytes], clients: int, *, seconds: float
) -> tuple[float, Measured]:
    used = one.cpu_s()
    done = closed_loop(one.address, requests, connections=clients, seconds=seconds)
    return one.cpu_s() - used, done


def _first(requests: Iterator[bytes], n: int) -> Iterator[bytes]:
    for _ in range(n):
        yield next(requests)
