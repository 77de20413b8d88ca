"""How much one machine takes: requests a second, and what a list, a hit and a write cost.

100,000 listeners ask for lists of 100,000 tracks as listeners do (Zipf, 5 % of the requests are
listens), the load generator on the same cores. The world is made once, which takes five minutes,
and copied for every run.

A hit is a list that is kept and of the newest rev; whoever gets an older or a general one because
none could be made in time counts as a miss. The open loop sends at intended times, whatever the
answers do, and its latency counts from those.
"""

import http.client
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import numpy as np

from bench.harness import Outcome, Row, bar
from bench.load_costs import hit_against_constant, one_of_each
from bench.load_service import Service, constant, service
from bench.load_traffic import traffic
from bench.load_world import names, stored, world, world_of_demo
from bench.load_wrk import write_draws, wrk
from bench.open_loop import Measured, open_loop
from bench.picture import bars as draw

WORKERS = 2
WARM_S, CLOSED_S, MEASURED_S, STEP_S = 120.0, 30.0, 60.0, 20.0
CONNECTIONS = (16, 64, 256)
OPEN_SHARE = 0.7  # of the closed loop's limit
STEPS = (0.3, 0.4, 0.5, 0.6)  # of the limit: which leaves 30 % of the processors
MOST_CPU = 0.7
LISTS, HITS = 3_000, 100_000


def load(*, quick: bool, mongo: bool = False) -> Outcome:
    """One table: the limit, the latency below it, and what one of each costs."""
    faster = 20 if quick else 1
    with tempfile.TemporaryDirectory() as folder:
        home = world(Path(folder), quick=quick, mongo=mongo)
        users, tracks = names(home)
        shuffled = np.random.default_rng(0).permutation(np.array(users)).tolist()
        with _step("one of each", home, workers=1) as one:
            costs = one_of_each(one, shuffled, tracks, n=100 if quick else LISTS)
        with _step("many at once", home, workers=WORKERS) as many:
            behaved = behave(many, users=len(users), seconds=max(30 // faster, 5))
            rows, figures = crowd(many, users, tracks, faster=faster)
        with _step("a constant answer", home, workers=1) as one, constant() as address:
            costs |= hit_against_constant(one, address, shuffled[0], n=HITS // faster)
        with _step("at rest", world_of_demo(Path(folder)), workers=1) as idle:
            costs["idle RSS MB"] = idle.rss_mb()
    costs |= figures | {"exit code of Locust": behaved}
    if not quick and not mongo:
        draw_latencies(rows)
    return Outcome(
        rows=[*rows, *(Row(name=name, values={"value": _short(costs[name])}) for name in costs)],
        bars=[
            bar("exit code of Locust", behaved, "<=", 0),
            bar("req/s, closed loop", costs["req/s, closed loop"], ">=", 10_000),
            bar("p95 ms at 70 % of the limit", costs["p95 ms, open loop"], "<=", 100),
            bar("share of hits", costs["hits"], ">=", 0.9),
            bar("share of errors", costs["errors"], "<=", 0.001),
            bar("acknowledged and not stored", costs["acknowledged and not stored"], "<=", 0),
            bar("CPU ms of a miss", costs["CPU ms of a miss"], "<=", 1.3),
            bar("CPU ms of a write", costs["CPU ms of a write"], "<=", 0.5),
            bar("a hit, of a constant answer", costs["a hit, of a constant answer"], ">=", 0.6),
            bar("p95 ms of a miss, 1 client", costs["p95 ms of a miss, 1 client"], "<=", 10),
            bar("p95 ms of a miss, 32 clients", costs["p95 ms of a miss, 32 clients"], "<=", 50),
            bar("idle RSS MB of a worker", costs["idle RSS MB"], "<=", 400),
        ],
        params={"tracks": len(tracks), "listeners": len(users), "workers": WORKERS},
    )


def load_mongo(*, quick: bool) -> Outcome:
    """The same with MongoDB for a store, in a smaller world."""
    return load(quick=quick, mongo=True)


BENCHES = {"load": load, "load-mongo": load_mongo}


def behave(many: Service, *, users: int, seconds: int) -> int:
    """Exit code of Locust after so long: 0 when 100 clients with time to think were served well."""
    host, port = many.address
    command = ["-m", "locust", "--headless", "--users", "100", "--spawn-rate", "20"]
    command += ["--only-summary", "--run-time", f"{seconds}s", "--host", f"http://{host}:{port}"]
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, *command],
        cwd=Path(__file__).parents[1],
        env=os.environ | {"ECHOTUNE_LOAD_USERS": str(users)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    ).returncode


def crowd(
    many: Service, users: list[str], tracks: list[str], *, faster: int
) -> tuple[list[Row], dict[str, float]]:
    """Closed loops for the limit, then open loops below it, whose writes are all looked for."""
    seeds, all_of = iter(range(1, 100)), list[Measured]()
    limit, rows = limit_of(many, users, tracks, faster=faster)

    def opened(rate: float, seconds: float) -> tuple[Measured, float]:
        used, start = many.cpu_s(), perf_counter()
        requests = traffic(users, tracks, seed=next(seeds))
        done = open_loop(many.address, requests, rate=rate, seconds=seconds)
        all_of.append(done)
        return done, (many.cpu_s() - used) / (perf_counter() - start)

    done, _ = opened(limit * OPEN_SHARE, MEASURED_S / faster)
    shares = _shares(done)
    rows.append(_row("open loop, 70 % of the limit", done, limit * OPEN_SHARE))
    figures = {
        "req/s, closed loop": limit,
        "p95 ms, open loop": _p95_ms(done),
        "hits": shares["local"] + shares["shared"],
    } | {f"share of {name}": share for name, share in shares.items()}
    cores = os.cpu_count() or 1
    for step in STEPS:
        measured, used = opened(limit * step, STEP_S / faster)
        if used <= MOST_CPU * cores:
            rate = limit * step
            rows.append(_row(f"open loop, {used / cores:.0%} of the processors", measured, rate))
            figures |= {
                "req/s with 30 % of the processors free": rate,
                "req/s per core": rate / used,
                "cores for 10,000 req/s": 10_000 * used / rate,
            }
    figures["RSS MB of a worker"] = many.rss_mb()
    figures["errors"] = float(np.mean((done.status < 200) | (done.status >= 500)))
    sent = np.concatenate([one.status for one in all_of])
    acknowledged = int(np.count_nonzero(sent == 202))
    figures["listens acknowledged"] = acknowledged
    figures["acknowledged and not stored"] = max(
        acknowledged - stored(many.home, "load-", many.mongo_url), 0
    ) + changed_nothing(many, users)
    return rows, figures


def limit_of(
    many: Service, users: list[str], tracks: list[str], *, faster: int
) -> tuple[float, list[Row]]:
    """Requests a second that wrk got served, at a p95 below 100 ms if any loop had one.

    The caches are empty at first.
    """
    drawn, rows = many.home.parent / "draws", list[Row]()
    rates, quick_enough = list[float](), list[float]()
    write_draws(drawn, users, tracks)
    warm = wrk(many.address, drawn, connections=64, seconds=int(WARM_S / faster), run="warm")
    sent = warm.requests
    for connections in CONNECTIONS:
        seconds = max(int(CLOSED_S / faster), 1)
        done = wrk(
            many.address,
            drawn,
            connections=connections,
            seconds=seconds,
            run=str(connections),
            start=sent,
        )
        sent += done.requests
        rates.append(done.rate)
        quick_enough += [done.rate] * (done.p95_ms < 100)
        refused = round((done.refused + done.failed) / max(done.requests, 1), 4)
        rows.append(
            Row(
                name=f"closed loop, {connections} connections",
                median_ms=round(done.p50_ms, 2),
                p95_ms=round(done.p95_ms, 2),
                values={"req/s": round(done.rate), "refused": refused},
            )
        )
    return max(quick_enough) if quick_enough else min(rates), rows


def changed_nothing(many: Service, users: list[str]) -> int:
    """Of 20 users who play what tops their list: how many are shown it again at once."""
    connection = http.client.HTTPConnection(*many.address, timeout=10)

    def ask(method: str, path: str, body: str | None = None) -> dict[str, list[dict[str, object]]]:
        connection.request(method, path, body, {"content-type": "application/json"})
        found: dict[str, list[dict[str, object]]] = json.loads(connection.getresponse().read())
        return found

    unmoved = 0
    for number, user in enumerate(users[:: max(len(users) // 20, 1)][:20]):
        path = f"/v1/users/{user}/recommendations"
        top = ask("GET", path)["recommendations"][0]["track"]
        body = {"user_id": user, "track_id": top["id"], "action": "play", "id": f"top{number}"}  # type: ignore[index]
        ask("POST", "/v1/listens", json.dumps(body))
        unmoved += top in [one["track"] for one in ask("GET", path)["recommendations"]]
    connection.close()
    return unmoved


def draw_latencies(rows: list[Row]) -> None:
    """Median and p95 of every loop as a picture."""
    groups = {row.name: {"p50": row.median_ms or 0, "p95": row.p95_ms or 0} for row in rows}
    draw("load", "Latency under load, 100,000 listeners and tracks", "ms", groups)


@contextmanager
def _step(name: str, home: Path, *, workers: int) -> Iterator[Service]:
    print(f"load: {name}", file=sys.stderr)
    with service(home, workers=workers) as running:
        yield running


def _shares(done: Measured) -> dict[str, float]:
    lists = done.cache != ""
    of = max(int(np.count_nonzero(lists)), 1)
    return {
        word: float(np.count_nonzero(done.cache == word)) / of
        for word in ("local", "shared", "stale", "miss")
    }


def _row(name: str, done: Measured, rate: float) -> Row:
    shares = {word: round(share, 3) for word, share in _shares(done).items()}
    refused = float(np.mean(done.status == 503)) if len(done.status) else 0.0
    return Row(
        name=name,
        median_ms=round(float(np.median(done.latency_s)) * 1e3, 2),
        p95_ms=round(_p95_ms(done), 2),
        values={"req/s": round(rate), **shares, "refused": round(refused, 4)},
    )


def _p95_ms(done: Measured) -> float:
    return float(np.percentile(done.latency_s, 95)) * 1e3


def _short(value: float) -> float:
    return float(f"{value:.4g}")
