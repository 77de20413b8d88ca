"""What it costs to be asked who one is: the same hits at two servers, one of which wants a key.

Or a token that somebody else signed, each user their own: a signature is checked once.

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
from tests import issuer

USERS = 200
KINDS = ("off", "on", "token")
HITS = 4_000  # in a round, at each
MOST = 1.05


def operations(*, quick: bool) -> Outcome:
    """Hits with and without keys, and with tokens."""
    row, bars = _asked(rounds=2 if quick else 12)
    return Outcome(rows=[row], bars=bars, params={"hits a round": HITS, "users": USERS})


BENCHES = {"operations": operations}


def _asked(*, rounds: int) -> tuple[Row, list[Bar]]:
    with tempfile.TemporaryDirectory() as folder:
        home = world_of_demo(Path(folder))
        users = names(home)[0][:USERS]
        key = asyncio.run(_made(home))
        tokens = [issuer.token(issuer.claims(sub=user)) for user in users]
        with (
            service(home, workers=1, more={"ECHOTUNE_ACCESS": "off"}) as free,
            service(home, workers=1, more={"ECHOTUNE_ACCESS": "on"} | _believes(home)) as asks,
        ):
            kinds = {"off": (free, [""]), "on": (asks, [key]), "token": (asks, tokens)}
            cpu_us: dict[str, list[float]] = {kind: [] for kind in KINDS}
            ms: dict[str, list[float]] = {kind: [] for kind in KINDS}
            for number in range(rounds + 1):
                for kind in KINDS if number % 2 else reversed(KINDS):
                    took, cpu_s = _round(kinds[kind][0], users, kinds[kind][1])
                    if number:  # the first round makes the lists
                        ms[kind].append(took)
                        cpu_us[kind].append(cpu_s / HITS * 1e6)
    free_us = np.array(cpu_us["off"])
    ratios = {kind: float(np.median(np.array(cpu_us[kind]) / free_us)) for kind in KINDS[1:]}
    values: dict[str, float | int | str] = {
        f"{kind} {name}": round(float(np.median(found[kind])), digits)
        for name, found, digits in (("processor µs", cpu_us, 1), ("ms", ms, 4))
        for kind in KINDS
    }
    row = Row(
        name="a hit, security off, on with a key, on with a token",
        values=values | {f"{kind} of off": round(ratio, 4) for kind, ratio in ratios.items()},
    )
    return row, [
        bar("processor of a hit with a key, of one without", ratios["on"], "<=", MOST),
        bar("processor of a hit with a token, of one without", ratios["token"], "<=", MOST),
    ]


def _believes(home: Path) -> dict[str, str]:
    """Settings by which the tokens of this bench are taken."""
    keys = home / "keys.json"
    keys.write_bytes(issuer.key_set(issuer.jwk(issuer.rsa_key(), "one")))
    return {
        "ECHOTUNE_JWT_ISSUER": issuer.NAME,
        "ECHOTUNE_JWT_AUDIENCE": issuer.AUDIENCE,
        "ECHOTUNE_JWT_KEYS": str(keys),
    }


async def _made(home: Path) -> str:
    """A key without a limit."""
    key, token = make_key("bench", ("recs:read",), now=datetime.now(UTC), per_s=1e6, burst=1e6)
    store = SqliteStore(home / "echotune.db")
    await store.put_key(key)
    await store.close()
    return token


def _round(one: Service, users: list[str], credentials: list[str]) -> tuple[float, float]:
    """Median milliseconds of a hit, and the processor seconds of all; a credential for each user.

    One "" or one key is everybody's.
    """
    sent = [{"Authorization": f"Bearer {one}"} if one else {} for one in credentials]
    connection = HTTPConnection(*one.address)
    before, took = one.cpu_s(), []
    for number in range(HITS):
        start = perf_counter()
        path = f"/v1/users/{users[number % len(users)]}/recommendations"
        connection.request("GET", path, headers=sent[number % len(sent)])
        answer = connection.getresponse()
        answer.read()
        took.append(perf_counter() - start)
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status}")
    connection.close()
    return float(np.median(took)) * 1000, one.cpu_s() - before
