"""Three times as many lists as can be made, then as few as ever: what comes in time meanwhile, and
how soon all is well again. Latency counts from when a request was meant to leave."""

from collections.abc import Iterator
from itertools import count, cycle
from pathlib import Path
from threading import Timer

import numpy as np
import pytest
from msgspec import Struct, structs, to_builtins
from numpy.typing import NDArray

from bench.load_service import cpu_s, rss_mb
from bench.open_loop import LOST, Measured, closed_loop, open_steps
from tests import worlds
from tests.faults.serving import Service, fill
from tests.faults.sizes import FULL, say
from tests.servers import HOST

BOUND_S = 0.1  # an answer after that is no good
RAMP = (1, 2, 4, 8, 16) if FULL else (2, 8)
RAMP_S, USUAL_S, SPIKE_S, AFTER_S = (5.0, 10.0, 60.0, 20.0) if FULL else (1.0, 1.5, 4.0, 5.0)
WITHOUT_WORK = ("segment", "popular")
TIMES, USUALLY = 3.0, 0.5  # of the peak
KEPT_UP = 0.9
"""Of the peak. Here a list costs 1.2 ms and an answer without work 0.1, most of it the server
program's, so that answering twice the peak takes 15 % of the processor: 78 % were measured in full
size, and 68 % where everything takes three times as long."""
SAVED = 3.0
"""Times the share of its peak that a server without a limit keeps up, which is 3 %. In quick size
the share itself says how busy the machine was: from 33 to 70 %."""
WARM, COLD = 100, 10  # lists asked for again and again; every so many usual requests a new one
CLIENTS = 10  # times the listeners of the small world
ENV = {
    "ECHOTUNE_TRAIN_EVERY_HOURS": "0",
    "ECHOTUNE_LOCAL_CACHE_BYTES": str(8 << 20),  # full before the memory is looked at
}
HURRIED = {"ECHOTUNE_REQUEST_TIMEOUT_MS": "90", "ECHOTUNE_STORE_TIMEOUT_MS": "35"}


class Unguarded(Service):
    """A server that refuses nobody, and patient as all test servers are."""

    command = (
        "-c",
        (
            "import sys; from service.api import admission;"
            "from service.api.concurrency_limit import Learned, Limit;"
            "Learned.limit = property(lambda self: Limit(1e9), lambda self, limit: None);"
            "admission.Admission.late = lambda self, lag_s: None;"
            "from service.cli import main; sys.exit(main())"
        ),
    )


class Spike(Struct):
    """What was measured; rates per second, times in seconds."""

    peak: float
    peak_per_cpu: float  # lists in time per second of the server's processor
    good: float
    good_per_cpu: float
    admitted_p95: float
    refused: NDArray[np.float64]
    statuses: set[int]
    lost: float  # share without an answer
    grown_mb: float
    usual_p95: float
    usual_hits: float
    back_s: float  # after the spike, until a second was as good as usual


def users() -> list[str]:
    named = sorted({one.user_id for one in worlds.listens()})
    return [f"{name}-{copy}" for name in named for copy in range(CLIENTS)]


def crowd(service: Service) -> None:
    """The small world, each listener many times."""
    fill(service)
    for copy in range(CLIENTS):
        listens = [
            structs.replace(one, user_id=f"{one.user_id}-{copy}") for one in worlds.listens()
        ]
        assert 202 == service.post("/v1/listens", to_builtins(listens)).status_code


def request(user: str, query: str) -> bytes:
    return f"GET /v1/users/{user}/recommendations?{query} HTTP/1.1\r\nhost: x\r\n\r\n".encode()


def cold() -> Iterator[bytes]:
    """Lists that nobody has asked for."""
    queries = [
        f"limit={limit}&mix={mix}&explain={explain}&flow={flow}"
        for limit in range(10, 40)
        for mix in ("discover", "familiar", "blend")
        for explain in (0, 1)
        for flow in (0, 1)
    ]
    return (request(user, query) for query in queries for user in users())


def kept() -> list[bytes]:
    """Lists that are asked for again and again."""
    return [request(user, "") for user in users()[:WARM]]


def usual(new: Iterator[bytes]) -> Iterator[bytes]:
    """Lists that are kept, and now and then a new one."""
    again = cycle(kept())
    for number in count(1):
        yield next(new) if number % COLD == 0 else next(again)


def in_time(done: Measured) -> NDArray[np.bool_]:
    return (done.tier == "personal") & (done.latency_s < BOUND_S)


def p95(seconds: NDArray[np.float64]) -> float:
    return float(np.percentile(seconds, 95)) if len(seconds) else 0.0


def part(done: Measured, start: float, end: float) -> Measured:
    """What was meant to leave between these moments."""
    mine = (done.at_s >= start) & (done.at_s < end)
    return Measured(
        done.latency_s[mine],
        done.status[mine],
        done.cache[mine],
        done.tier[mine],
        done.at_s[mine],
        end - start,
    )


def back_after(done: Measured, usually: Measured) -> float:
    """Seconds until p95 and hit rate of a second were near the usual; inf: not while it lasted."""
    near_s = max(2 * p95(usually.latency_s), p95(usually.latency_s) + 0.02)
    near_hits = float(np.mean(usually.cache == "local")) - 0.05
    for second in range(int(AFTER_S)):
        one = part(done, SPIKE_S + second, SPIKE_S + second + 1)
        if p95(one.latency_s) <= near_s and np.mean(one.cache == "local") >= near_hits:
            return second + 1.0
    return float("inf")


def measured(service: Service) -> Spike:
    """Peak, usual load, the spike and the usual load after it."""
    crowd(service)
    address, (worker,), new = (HOST, service.port), service.workers(), cold()
    closed_loop(address, new, connections=4, seconds=RAMP_S)
    peak = peak_per_cpu = 0.0
    for connections in RAMP:
        used = cpu_s(worker)
        done = closed_loop(address, new, connections=connections, seconds=RAMP_S)
        good = int(in_time(done).sum())
        peak = max(peak, good / RAMP_S)
        peak_per_cpu = max(peak_per_cpu, good / (cpu_s(worker) - used))
    rate = peak * USUALLY
    for _ in range(4):  # who is asked for once is not kept in place of another
        closed_loop(address, iter(kept()), connections=4, seconds=AFTER_S)
    usually = open_steps(address, [(usual(new), rate, USUAL_S)])
    used, rss = cpu_s(worker), rss_mb(worker)
    spent: list[float] = []
    at_its_end = Timer(SPIKE_S, lambda: spent.append(cpu_s(worker) - used))
    at_its_end.start()
    steps = [(new, peak * TIMES, SPIKE_S), (usual(new), rate, AFTER_S)]
    done = open_steps(address, steps, drain_s=1.0)
    at_its_end.join()
    spike = part(done, 0.0, SPIKE_S)
    good = int(in_time(spike).sum())
    return Spike(
        peak=peak,
        peak_per_cpu=peak_per_cpu,
        good=good / SPIKE_S,
        good_per_cpu=good / spent[0],
        admitted_p95=p95(spike.latency_s[spike.status == 200]),
        refused=spike.latency_s[(spike.status == 503) | np.isin(spike.tier, WITHOUT_WORK)],
        statuses=set(spike.status.tolist()) - {LOST},
        lost=float(np.mean(spike.status == LOST)),
        grown_mb=rss_mb(worker) - rss,
        usual_p95=p95(usually.latency_s),
        usual_hits=float(np.mean(usually.cache == "local")),
        back_s=back_after(done, usually),
    )


def spike_of(kind: type[Service], kernels: Path, folder: Path, env: dict[str, str]) -> Spike:
    data = folder / "data"
    data.mkdir()
    (data / "kernels").symlink_to(kernels)
    with kind(data, env=ENV | env) as service:
        one = measured(service)
    ms = {
        "admitted p95": one.admitted_p95,
        "refused p50": float(np.median(one.refused)) if len(one.refused) else 0.0,
        "refused p95": p95(one.refused),
        "usual p95": one.usual_p95,
    }
    say(
        f"{kind.__name__}: peak {one.peak:.0f}/s, in time at {TIMES:g} times that {one.good:.0f}/s"
        f" = {one.good / one.peak:.0%}, per second of processor {one.good_per_cpu:.0f} of"
        f" {one.peak_per_cpu:.0f}; " + ", ".join(f"{k} {v * 1e3:.1f} ms" for k, v in ms.items())
    )
    say(
        f"{len(one.refused)} refused, statuses {sorted(one.statuses)}, lost {one.lost:.3%},"
        f" grown {one.grown_mb:.0f} MB, usual hits {one.usual_hits:.1%},"
        f" back after {one.back_s:g} s"
    )
    return one


@pytest.fixture(scope="module")
def guarded(kernels: Path, tmp_path_factory: pytest.TempPathFactory) -> Spike:
    return spike_of(Service, kernels, tmp_path_factory.mktemp("guarded"), HURRIED)


@pytest.fixture(scope="module")
def unguarded(kernels: Path, tmp_path_factory: pytest.TempPathFactory) -> Spike:
    return spike_of(Unguarded, kernels, tmp_path_factory.mktemp("unguarded"), {})


def test_nearly_as_many_lists_come_in_time_as_at_the_peak(guarded: Spike, unguarded: Spike) -> None:
    least = KEPT_UP if FULL else SAVED * unguarded.good / unguarded.peak
    assert guarded.good >= least * guarded.peak
    assert guarded.admitted_p95 < (BOUND_S if FULL else 1.0)


def test_who_gets_no_list_of_their_own_hears_so_soon_and_nothing_else_goes_wrong(
    guarded: Spike,
) -> None:
    assert guarded.statuses <= {200, 503}
    assert guarded.lost < 0.001  # a connection that idled for 5 s may be closed under a request
    assert len(guarded.refused)  # with 503, or with what people like
    assert np.median(guarded.refused) < (0.02 if FULL else 0.5)
    assert guarded.grown_mb < 30


def test_soon_after_a_spike_all_is_as_usual(guarded: Spike) -> None:
    assert guarded.back_s <= min(AFTER_S, 10.0)


def test_if_nobody_was_refused_next_to_nothing_would_come_in_time(unguarded: Spike) -> None:
    """The control."""
    assert unguarded.statuses <= {200}
    assert unguarded.good < unguarded.peak / SAVED / 2


def test_if_nobody_was_refused_the_spike_would_go_on_after_its_end(unguarded: Spike) -> None:
    """The control."""
    assert unguarded.back_s > AFTER_S
