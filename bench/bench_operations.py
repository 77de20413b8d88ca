"""What it costs to be asked who one is: the same hits at two servers, one of which wants a key.

Or a token that somebody else signed, each user their own: a signature is checked once. Both servers
are asked as fast as they answer, in rounds that alternate, since this machine's speed moves by a
third within minutes; rounds next to each other are compared.
"""

import asyncio
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from bench.harness import Bar, Outcome, Row, bar
from bench.load_service import Service, service
from bench.load_world import names, world_of_demo
from bench.load_wrk import wrk
from service.access.keys import make_key
from service.store.sqlite import SqliteStore
from tests import issuer

USERS = 400  # who share the rate, or their tokens would be used up
KINDS = ("off", "on", "token")
CONNECTIONS, ROUND_S = 8, 2
LEAST = 0.95


def operations(*, quick: bool) -> Outcome:
    """Hits with and without keys, and with tokens."""
    row, bars = _asked(rounds=2 if quick else 20)
    return Outcome(rows=[row], bars=bars, params={"connections": CONNECTIONS, "users": USERS})


BENCHES = {"operations": operations}


def _asked(*, rounds: int) -> tuple[Row, list[Bar]]:
    with tempfile.TemporaryDirectory() as folder:
        home = world_of_demo(Path(folder))
        users = names(home)[0][:USERS]
        key = asyncio.run(_made(home))
        drawn = {
            "off": "".join(f"{user}\n" for user in users),
            "on": "".join(f"{user} Bearer {key}\n" for user in users),
            "token": "".join(
                f"{user} Bearer {issuer.token(issuer.claims(sub=user))}\n" for user in users
            ),
        }
        for kind, lines in drawn.items():
            (home / kind).write_text(lines)
        with (
            service(home, workers=1, more={"ECHOTUNE_ACCESS": "off"}) as free,
            service(home, workers=1, more={"ECHOTUNE_ACCESS": "on"} | _believes(home)) as asks,
        ):
            rates: dict[str, list[float]] = {kind: [] for kind in KINDS}
            cpu_us: dict[str, list[float]] = {kind: [] for kind in KINDS}
            for number in range(rounds + 1):
                for kind in KINDS if number % 2 else reversed(KINDS):
                    rate, used = _round(free if kind == "off" else asks, home / kind)
                    if number:  # the first round makes the lists
                        rates[kind].append(rate)
                        cpu_us[kind].append(used)
    ratios = {
        kind: float(np.median(np.array(rates[kind]) / np.array(rates["off"]))) for kind in KINDS[1:]
    }
    values: dict[str, float | int | str] = {
        f"{kind} {name}": round(float(np.median(found[kind])), digits)
        for name, found, digits in (("req/s", rates, 0), ("processor µs", cpu_us, 1))
        for kind in KINDS
    }
    row = Row(
        name="a hit, security off, on with a key, on with a token",
        values=values | {f"{kind} of off": round(ratio, 4) for kind, ratio in ratios.items()},
    )
    return row, [
        bar("req/s of hits with a key, of those without", ratios["on"], ">=", LEAST),
        bar("req/s of hits with a token, of those without", ratios["token"], ">=", LEAST),
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


def _round(one: Service, drawn: Path) -> tuple[float, float]:
    """Hits a second, and the processor µs of each.

    Raises:
        RuntimeError: an answer was no list.
    """
    before = one.cpu_s()
    done = wrk(one.address, drawn, connections=CONNECTIONS, seconds=ROUND_S, run="hits")
    if done.refused or done.failed:
        raise RuntimeError(f"{done.refused} of {done.requests} refused, {done.failed} failed")
    return done.rate, (one.cpu_s() - before) / done.requests * 1e6
