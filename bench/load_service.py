"""EchoTune as an operator runs it: several workers, a Redis for the cache, one for the events."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import perf_counter, sleep

from msgspec import Struct

from bench.load_world import DATABASE
from bench.servers import HOST, running
from service.cli.serving import free_port
from tests import servers

LOCAL_BYTES = 300_000_000
IDLE, LOOK_S, CAUGHT_UP_WITHIN_S = 0.1, 2.0, 120.0  # processors, seconds
TICKS = os.sysconf("SC_CLK_TCK")
DURABLE = ("--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction")
CACHE = ("--maxmemory", "1gb", "--maxmemory-policy", "allkeys-lfu")


class Service(Struct, frozen=True):
    """Processes that answer on one port."""

    address: tuple[str, int]
    home: Path
    pid: int
    others: tuple[int, ...] = ()  # of the Redis servers and of MongoDB
    mongo_url: str = ""  # "": SQLite

    @property
    def processes(self) -> list[int]:
        """All of them: the one that was started, its workers, the Redis servers."""
        return [self.pid, *children(self.pid), *self.others]

    def cpu_s(self) -> float:
        """Seconds of processor that all of them have used."""
        return sum(cpu_s(pid) for pid in self.processes)

    def rss_mb(self) -> float:
        """Of the largest worker: what it shares with the others counts."""
        return max(rss_mb(pid) for pid in children(self.pid))


@contextmanager
def service(
    home: Path,
    *,
    workers: int,
    local_bytes: int = LOCAL_BYTES,
    jobs: bool = False,
    more: Mapping[str, str] = {},
) -> Iterator[Service]:
    """Serve `home`; one worker goes without Redis, as the embedded service does.

    What the world has in a MongoDB is served from there. `jobs`: beside several workers there is a
    process that runs jobs. `more`: settings.
    """
    with ExitStack() as stack:
        mongo = stack.enter_context(servers.mongo(home)) if (home / "mongo").exists() else None
        begun = stack.enter_context(
            _served(home, workers, local_bytes, mongo, jobs=jobs, more=more)
        )
        _wait_until_idle(begun)
        yield begun


def _wait_until_idle(begun: Service) -> None:
    """Until what a first start has to learn is learned: no request is to pay for that.

    Of 2,000,000 listens that takes one processor for 6 s, which were counted as lists'.
    """
    until = perf_counter() + CAUGHT_UP_WITHIN_S
    while perf_counter() < until:
        used = begun.cpu_s()
        sleep(LOOK_S)
        if begun.cpu_s() - used < IDLE * LOOK_S:
            return
    raise RuntimeError(f"the service is still busy {CAUGHT_UP_WITHIN_S:.0f} s after its start")


@contextmanager
def _served(
    home: Path,
    workers: int,
    local_bytes: int,
    mongo: servers.Server | None,
    *,
    jobs: bool,
    more: Mapping[str, str],
) -> Iterator[Service]:
    port = free_port(HOST)
    command = ["-P", "-m", "service", "serve", "--no-demo", "--port", str(port)]
    settings = {
        "ECHOTUNE_DATA_DIR": str(home),
        "ECHOTUNE_LOCAL_CACHE_BYTES": str(local_bytes),
        "ECHOTUNE_TRAIN_EVERY_HOURS": "0",
        **more,
    }
    mongo_url = mongo.url + DATABASE if mongo else ""
    if mongo_url:
        settings["ECHOTUNE_MONGO_URL"] = mongo_url
    pids = (mongo.pid,) if mongo else ()
    if workers == 1:
        with running(command, port, settings) as pid:
            yield Service((HOST, port), home, pid, pids, mongo_url)
        return
    folders = [home.parent / name for name in ("cache", "events")]
    for folder in folders:
        folder.mkdir()
    with (
        servers.valkey(folders[0], *CACHE) as cache,
        servers.valkey(folders[1], *DURABLE) as events,
    ):
        settings |= {"ECHOTUNE_REDIS_URL": cache.url, "ECHOTUNE_EVENTS_REDIS_URL": events.url}
        # Jobs are a worker's: a similarity refresh would be measured with the requests.
        several = ["--workers", str(workers), "--role", "api"]
        with ExitStack() as others:
            if jobs:
                others.enter_context(_jobs(settings))
            pid = others.enter_context(running([*command, *several], port, settings))
            yield Service((HOST, port), home, pid, (cache.pid, events.pid, *pids), mongo_url)


@contextmanager
def _jobs(settings: Mapping[str, str]) -> Iterator[None]:
    """A process that runs jobs and answers nothing but /metrics."""
    port = free_port(HOST)
    settings = {**settings, "ECHOTUNE_METRICS_PORT": str(port)}
    with running(["-P", "-m", "service", "serve", "--role", "worker"], port, settings, "/metrics"):
        yield


@contextmanager
def constant() -> Iterator[tuple[str, int]]:
    """Where a constant answer is served, by the same server program with one worker."""
    port = free_port(HOST)
    command = ["-m", "granian", "--interface", "asgi", "--host", HOST, "--port", str(port)]
    with running([*command, "--log-level", "warning", "bench.constant:app"], port, {}):
        yield HOST, port


def children(pid: int) -> list[int]:
    """Workers of a server process."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            command = (stat.parent / "cmdline").read_bytes()
        except (OSError, IndexError):
            continue  # it has just ended
        if parent == pid and b"resource_tracker" not in command:
            found.append(int(stat.parent.name))
    return found


def cpu_s(pid: int) -> float:
    """User and system seconds of a process and all of its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss_mb(pid: int) -> float:
    """Resident memory in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0
