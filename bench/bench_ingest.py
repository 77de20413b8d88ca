"""How many listening events one process takes in over HTTP, each on disk before it says so.

Embedded: SQLite, which syncs before every answer, in batches of 1,000 and one by one. The same with
MongoDB (SecantusDB, a beta that stands in for it) and a Redis stream that syncs before it answers
is reported. 10,000 listeners play as listeners do (Zipf), and the load generator runs on the same
cores. What was acknowledged is counted in the store afterwards.
"""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from pathlib import Path

import msgspec
import numpy as np

from bench.harness import Outcome, Row, bar
from bench.load_service import DURABLE, Service
from bench.load_traffic import draws
from bench.open_loop import Measured, closed_loop
from bench.servers import HOST, running
from service.adapters import open_store
from service.cli.kernels import prepare_kernels
from service.cli.serving import free_port
from service.domain import Track
from service.settings import Settings
from tests import servers

TRACKS, LISTENERS, BATCH = 10_000, 10_000, 1_000
BATCHES, ALONE = 400, 60_000  # requests at most
SECONDS = 30.0
SENDERS = 4  # of batches at once
CLIENTS = 64  # that send one listen each
WARM = 20
ACCEPTED = 202
URLS = ("mongo_url", "redis_url", "events_redis_url")
UNLIMITED = {
    "ECHOTUNE_TRAIN_EVERY_HOURS": "0",
    "ECHOTUNE_USER_LISTENS_PER_MINUTE": "0",
    "ECHOTUNE_SOURCE_LISTENS_PER_MINUTE": "0",
}
Served = tuple[Service, Settings]
TRACK_IDS = [f"t{number:05}" for number in range(TRACKS)]
USER_IDS = [f"listener{number:05}" for number in range(LISTENERS)]


def ingest(*, quick: bool) -> Outcome:
    """Events a second, and the processor time of the service for a thousand of them."""
    figures: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as kernels:
        prepare_kernels(Path(kernels))
        for name, opened in (("embedded", _embedded), ("MongoDB + Redis", _clustered)):
            for size in (BATCH, 1):
                with tempfile.TemporaryDirectory() as folder:
                    home = Path(folder) / "home"
                    home.mkdir()
                    (home / "kernels").symlink_to(Path(kernels) / "kernels")
                    with opened(home) as (service, said):
                        found = _measured(service, said, size, quick=quick)
                title = f"{name}, " + (f"batches of {size:,}" if size > 1 else "one by one")
                figures[title] = found
    lost = sum(one["acknowledged and not stored"] for one in figures.values())
    batches, alone = (figures[f"embedded, {how}"] for how in ("batches of 1,000", "one by one"))
    return Outcome(
        rows=[
            Row(
                name=name,
                median_ms=one.pop("median ms"),
                p95_ms=one.pop("p95 ms"),
                values={key: round(value, 1) for key, value in one.items()},
            )
            for name, one in figures.items()
        ],
        bars=[
            bar("events/s in batches, embedded", batches["events/s"], ">=", 20_000),
            bar("events/s one by one, embedded", alone["events/s"], ">=", 3_000),
            bar("CPU ms of 1,000 in a batch", batches["CPU ms of 1,000"], "<=", 40),
            bar("acknowledged and not stored", lost, "<=", 0),
        ],
        params={"tracks": TRACKS, "listeners": LISTENERS, "workers": 1},
    )


BENCHES = {"ingest": ingest}


def _measured(service: Service, said: Settings, size: int, *, quick: bool) -> dict[str, float]:
    """Send what is made beforehand: only the service is to be measured."""
    requests, connections = _posts(size), SENDERS if size > 1 else CLIENTS
    seconds, fewer = (3.0, 20) if quick else (SECONDS, 1)
    warm = list(islice(requests, WARM if size > 1 else WARM * 20))
    posts = list(islice(requests, (BATCHES if size > 1 else ALONE) // fewer))
    _sent(service, warm, connections, seconds)
    stored, used = asyncio.run(_stored(said)), service.cpu_s()
    done = _sent(service, posts, connections, seconds)
    used = service.cpu_s() - used
    return _figures(done, size, used, asyncio.run(_stored(said)) - stored)


def _figures(done: Measured, size: int, used_s: float, kept: int) -> dict[str, float]:
    events = int(np.count_nonzero(done.status == ACCEPTED)) * size
    took_s = float(done.at_s.max() + done.latency_s[np.argmax(done.at_s)])
    return {
        "median ms": float(np.median(done.latency_s) * 1e3),
        "p95 ms": float(np.percentile(done.latency_s, 95) * 1e3),
        "events/s": events / took_s,
        "CPU ms of 1,000": used_s / max(events, 1) * 1e6,
        "refused": float(np.count_nonzero(done.status != ACCEPTED)),
        "acknowledged and not stored": float(max(events - kept, 0)),
    }


def _sent(service: Service, posts: list[bytes], connections: int, seconds: float) -> Measured:
    return closed_loop(service.address, iter(posts), connections=connections, seconds=seconds)


def _posts(size: int) -> Iterator[bytes]:
    """Requests without end; ids are the service's to make, as players leave it to it."""
    now = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=12)
    drawn = draws(USER_IDS, TRACK_IDS, seed=1, writes=1.0)
    numbers = count()
    while True:
        listens = [
            {
                "user_id": user,
                "track_id": track,
                "at": now + timedelta(milliseconds=next(numbers)),
                "ms_played": 200_000,
                "source": "bench",
                "device": "phone",
            }
            for user, track in islice(drawn, size)
        ]
        body = msgspec.json.encode(listens if size > 1 else listens[0])
        yield (
            b"POST /v1/listens HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n%b" % (len(body), body)
        )


@contextmanager
def _embedded(home: Path) -> Iterator[Served]:
    with _serving(Settings(data_dir=str(home))) as served:
        yield served


@contextmanager
def _clustered(home: Path) -> Iterator[Served]:
    folder = home.parent
    with ExitStack() as opened:
        for name in ("mongo", "cache", "events"):
            (folder / name).mkdir()
        mongo = opened.enter_context(servers.mongo(folder / "mongo", "--sync-on-commit"))
        cache = opened.enter_context(servers.valkey(folder / "cache"))
        events = opened.enter_context(servers.valkey(folder / "events", *DURABLE))
        settings = Settings(
            data_dir=str(home),
            mongo_url=f"{mongo.url}echotune",
            redis_url=cache.url,
            events_redis_url=events.url,
        )
        yield opened.enter_context(_serving(settings))


@contextmanager
def _serving(settings: Settings) -> Iterator[Served]:
    """One worker with a catalogue and nobody in it; who may send how much is not measured."""
    asyncio.run(_fill(settings))
    port = free_port(HOST)
    command = ["-P", "-m", "service", "serve", "--no-demo", "--port", str(port)]
    said = {name: getattr(settings, name) for name in ("data_dir", *URLS)}
    environment = {f"ECHOTUNE_{name.upper()}": url for name, url in said.items() if url}
    with running(command, port, environment | UNLIMITED) as pid:
        yield Service((HOST, port), settings.home, pid), settings


async def _fill(settings: Settings) -> None:
    store = await open_store(settings)
    for start in range(0, TRACKS, BATCH):
        tracks = [
            Track(id=track_id, title=f"Title {track_id}", artist=f"Artist {track_id[-3:]}")
            for track_id in TRACK_IDS[start : start + BATCH]
        ]
        await store.put_tracks(tracks)
    await store.close()


async def _stored(settings: Settings) -> int:
    """Listens in the store that the service writes to."""
    store = await open_store(settings)
    listens = (await store.counts())["listens"]
    await store.close()
    return listens
