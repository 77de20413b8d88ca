"""What it costs a request to be in an experiment: the same server and users, with and without.

Rounds alternate, since this machine's speed moves by a third within minutes. A variant that changes
something is kept apart in the cache and made by the same code, so a hit and a miss are compared.
"""

import tempfile
from http.client import HTTPConnection
from json import dumps
from pathlib import Path
from time import perf_counter

import numpy as np

from bench.harness import Bar, Row, bar
from bench.load_service import service
from bench.load_world import names, world_of_demo

USERS = 300
HITS_EACH = 10
NAME = "latency"
KINDS = ("in", "none")
DRAFT = {
    "name": NAME,
    "variants": [{"name": "control"}, {"name": "new", "settings": {"balance": 0.3}}],
    "allocation": 1.0,
}
MOST = 1.03


def latency(*, rounds: int) -> tuple[Row, list[Bar]]:
    """Median and p95 of hits and misses in an experiment, relative to those in none."""
    took: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        home = world_of_demo(Path(folder))
        users, _ = names(home)
        with service(home, workers=1) as one:
            connection = HTTPConnection(*one.address)
            _ask(connection, "POST", "/v1/experiments", dumps(DRAFT))
            runs = False
            for number in range(rounds + 1):
                for kind in (KINDS, KINDS[::-1])[number % 2]:  # neither is always the first
                    if runs != (kind == "in"):
                        runs = not runs
                        verb = "start" if runs else "stop"
                        _ask(connection, "POST", f"/v1/experiments/{NAME}/{verb}")
                    some = users[number * USERS % len(users) :][:USERS]
                    limit = 20 + number * USERS // len(users)
                    misses, hits = _round(connection, some, limit=limit)
                    if number:  # the first round warms everything
                        took.setdefault((kind, "miss"), []).extend(misses)
                        took.setdefault((kind, "hit"), []).extend(hits)
            connection.close()
    values: dict[str, float | int | str] = {}
    bars = []
    for source in ("hit", "miss"):
        within, without = (np.array(took[kind, source]) * 1000 for kind in ("in", "none"))
        ratio = float(np.median(within) / np.median(without))
        tail = float(np.percentile(within, 95) / np.percentile(without, 95))
        values |= {
            f"{source} ms": round(float(np.median(within)), 4),
            f"{source} ms without": round(float(np.median(without)), 4),
            f"{source} ratio": round(ratio, 4),
            f"{source} p95 ratio": round(tail, 4),
        }
        bars.append(bar(f"a {source} in an experiment, of one in none", ratio, "<=", MOST))
    return Row(name="a request in an experiment", values=values), bars


def _round(
    connection: HTTPConnection, users: list[str], *, limit: int
) -> tuple[list[float], list[float]]:
    paths = [f"/v1/users/{user}/recommendations?limit={limit}" for user in users]
    misses = [_ask(connection, "GET", path) for path in paths]
    hits = [_ask(connection, "GET", path) for _ in range(HITS_EACH) for path in paths]
    return misses, hits


def _ask(connection: HTTPConnection, verb: str, path: str, body: str | None = None) -> float:
    start = perf_counter()
    connection.request(verb, path, body)
    answer = connection.getresponse()
    answer.read()
    took = perf_counter() - start
    if answer.status >= 400:
        raise RuntimeError(f"{verb} {path}: {answer.status}")
    return took
