"""One listener, one list: how long it takes, from import to answer.

With DATASETS_DIR the catalogue is #nowplaying (8,183 tracks, 176,097 listens), else the demo world.
Every measured miss is another user's first request, so nothing is cached and nothing is warm but
the process; the first fifty users are not counted.
"""

import asyncio
import http.client
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import quantiles
from time import perf_counter
from urllib.parse import urlsplit

from bench.harness import Outcome, Row, bar
from bench.servers import serving
from service.bootstrap import open_house
from service.recommend.ask import Ask
from service.settings import Settings

WARM, COUNTED = 50, 1_000
INTERACTIONS = ("--user", "user_id", "--track", "track_id")


def serving_bench(*, quick: bool) -> Outcome:
    """An uncached list in process and over HTTP, a cached one, import, fit and second start."""
    with tempfile.TemporaryDirectory() as folder:
        home, counted = Path(folder), 100 if quick else COUNTED
        seconds = fill(home)
        users, sizes = asyncio.run(who_is_there(home, WARM + counted))
        in_process = asyncio.run(ask_in_process(home, users))
        with serving(home):
            pass  # compiles the kernels, so that the next start is the one that everybody sees
        with serving(home) as (base, ready_s):
            misses, hits = ask_over_http(base, users), ask_over_http(base, users)
    rows = [
        _row("miss, in process", in_process),
        _row("miss, HTTP", misses),
        _row("hit, HTTP", hits),
    ]
    rows += [Row(name=name, values={"seconds": round(spent, 2)}) for name, spent in seconds.items()]
    rows.append(Row(name="second start to ready", values={"seconds": round(ready_s, 2)}))
    return Outcome(
        rows=rows,
        bars=[
            bar("p95 ms of a miss over HTTP, one client", _p95(misses), "<=", 10),
            bar("seconds from second start to ready", ready_s, "<=", 5),
        ],
        params=sizes | {"requests": counted},
    )


BENCHES = {"serving": serving_bench}


def fill(home: Path) -> dict[str, float]:
    """Import and fit by the commands a person would type; seconds of each."""
    datasets = os.environ.get("DATASETS_DIR")
    if not datasets:
        return {"demo": echotune(home, "demo"), "train": echotune(home, "train")}
    folder = Path(datasets) / "nowplaying"
    return {
        "import tracks": echotune(home, "import", "tracks-spotify", folder / "tracks.csv"),
        "import listens": echotune(
            home, "import", "interactions", folder / "interactions.csv.gz", *INTERACTIONS
        ),
        "train": echotune(home, "train"),
    }


async def who_is_there(home: Path, most: int) -> tuple[list[str], dict[str, float | int | str]]:
    """The users with most listens apart, every n-th of the rest, and the sizes of the store."""
    async with open_house(Settings(data_dir=str(home))) as house:
        users = list(house.current.model.listeners.ids) if house.current.model else []
        counts = await house.store.counts()
    return users[:: max(len(users) // most, 1)][:most], dict(counts)


async def ask_in_process(home: Path, users: list[str]) -> list[float]:
    """Milliseconds of each user's first list without HTTP."""
    spent = []
    async with open_house(Settings(data_dir=str(home))) as house:
        for user in users:
            start = perf_counter()
            _, source = await house.recommender.for_user(user, Ask())
            spent.append((perf_counter() - start) * 1e3)
            if source != "miss":
                raise AssertionError(f"{user} was answered by {source}")
    return spent[WARM:]


def ask_over_http(base: str, users: list[str]) -> list[float]:
    """Milliseconds of each request on one kept connection."""
    connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=10)
    spent = []
    for user in users:
        start = perf_counter()
        connection.request("GET", f"/v1/users/{user}/recommendations")
        answer = connection.getresponse()
        body = answer.read()
        spent.append((perf_counter() - start) * 1e3)
        if answer.status != 200:
            raise AssertionError(f"{user}: {answer.status} {body[:200]!r}")
    connection.close()
    return spent[WARM:]


def echotune(home: Path, *words: str | Path, settings: Mapping[str, str] | None = None) -> float:
    start = perf_counter()
    environment = os.environ | {"ECHOTUNE_DATA_DIR": str(home)} | dict(settings or {})
    subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "service", *map(str, words)],
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return perf_counter() - start


def _row(name: str, spent: list[float]) -> Row:
    cuts = quantiles(spent, n=20)
    return Row(name=name, median_ms=round(cuts[9], 3), p95_ms=round(cuts[18], 3))


def _p95(spent: list[float]) -> float:
    return quantiles(spent, n=20)[18]
