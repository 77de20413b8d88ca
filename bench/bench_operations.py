"""What it costs to be asked who one is: the same hits at two servers, one of which wants a key.

Rounds alternate, since this machine's speed moves by a third within minutes. What a server can
answer in a second is one over the processor time of an answer, so that is compared: the client of
this bench would be the limit otherwise.
"""

import asyncio
import tempfile
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from time import perf_counter

import numpy as np

from bench.harness import Bar, Outcome, Row, bar
from bench.load_service import Service, service
from bench.load_world import names, world_of_demo
from service.access.keys import make_key
from service.store.sqlite import SqliteStore

USERS = 200
HITS = 4_000  # in a round, at each
MOST = 1.05


def operations(*, quick: bool) -> Outcome:
    """Hits with and without keys."""
    row, bars = _keys(rounds=2 if quick else 12)
    return Outcome(rows=[row], bars=bars, params={"hits a round": HITS, "users": USERS})


BENCHES = {"operations": operations}


def _keys(*, rounds: int) -> tuple[Row, list[Bar]]:
    with tempfile.TemporaryDirectory() as folder:
        home = world_of_demo(Path(folder))
        users = names(home)[0][:USERS]
        token = asyncio.run(_made(home))
        with (
            service(home, workers=1, access="off") as free,
            service(home, workers=1, access="on") as asks,
        ):
            kinds = {"off": (free, {}), "on": (asks, {"Authorization": f"Bearer {token}"})}
            cpu_us: dict[str, list[float]] = {"off": [], "on": []}
            ms: dict[str, list[float]] = {"off": [], "on": []}
            for number in range(rounds + 1):
                for kind in ("off", "on") if number % 2 else ("on", "off"):
                    one, headers = kinds[kind]
                    took, cpu_s = _round(one, users, headers)
                    if number:  # the first round makes the lists
                        ms[kind].append(took)
                        cpu_us[kind].append(cpu_s / HITS * 1e6)
    ratio = float(np.median(np.array(cpu_us["on"]) / np.array(cpu_us["off"])))
    values: dict[str, float | int | str] = {
        f"{kind} {name}": round(float(np.median(found[kind])), digits)
        for name, found, digits in (("processor µs", cpu_us, 1), ("ms", ms, 4))
        for kind in ("off", "on")
    }
    row = Row(name="a hit, security off and on", values=values | {"ratio": round(ratio, 4)})
    return row, [bar("processor of a hit with keys, of one without", ratio, "<=", MOST)]


async def _made(home: Path) -> str:
    """A key without a limit."""
    key, token = make_key("bench", ("recs:read",), now=datetime.now(UTC), per_s=1e6, burst=1e6)
    store = SqliteStore(home / "echotune.db")
    await store.put_key(key)
    await store.close()
    return token


def _round(one: Service, users: list[str], headers: dict[str, str]) -> tuple[float, float]:
    """Median milliseconds of a hit, and the processor seconds of all."""
    connection = HTTPConnection(*one.address)
    before, took = one.cpu_s(), []
    for number in range(HITS):
        start = perf_counter()
        path = f"/v1/users/{users[number % len(users)]}/recommendations"
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        took.append(perf_counter() - start)
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status}")
    connection.close()
    return float(np.median(took)) * 1000, one.cpu_s() - before
