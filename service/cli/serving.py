"""echotune serve: from nothing to an answering port."""

import asyncio
import os
import resource
import socket
from datetime import UTC, datetime
from pathlib import Path

import rich_click as click
from rich.console import Console

from service.cli.arenas import share_arenas
from service.cli.importing import make_demo
from service.cli.kernels import prepare_kernels
from service.cli.training import fit_if_needed
from service.errors import Invalid
from service.settings import Settings
from service.siblings import folder_of_workers

console = Console(stderr=True, highlight=False)

BEHIND = ("worker", "learner")
"""Roles that answer no request."""
MOST_CONNECTIONS = 1_024
"""Of one worker beside the streams it may hold open: Granian's own number."""
HEADER_TIMEOUT_MS = 5_000  # Granian's default of 30 s lets 200 idle sockets hold the door


@click.command()
@click.option("--host", default=None, help="Address to listen on [ECHOTUNE_HOST, 127.0.0.1].")
@click.option(
    "--port", type=int, default=None, help="Port [ECHOTUNE_PORT, 8000]; 0 takes a free one."
)
@click.option(
    "--role",
    type=click.Choice(["all", "api", "worker", "learner", "profiles", "content"]),
    default=None,
    help="What this process does [ECHOTUNE_ROLE, all]; worker: jobs only, learner: learns from"
    " every listen, profiles or content: asked for those alone, api: everything else.",
)
@click.option("--workers", type=click.IntRange(1), default=1, help="Server processes.")
@click.option("--no-demo", is_flag=True, help="Start with an empty catalogue, not the demo world.")
def serve(
    *, host: str | None, port: int | None, role: str | None, workers: int, no_demo: bool
) -> None:
    """Serve recommendations over HTTP.

    With an empty data folder it first makes a demo world to play with: a catalogue, listeners with
    tastes, ninety days of listens. Then it fits a model if there is none, and prints what to try.
    """
    share_arenas()  # before there are threads
    overrides = {"ECHOTUNE_HOST": host, "ECHOTUNE_PORT": port, "ECHOTUNE_ROLE": role}
    os.environ.update({name: str(value) for name, value in overrides.items() if value is not None})
    settings = Settings.from_env(os.environ)
    linked = settings.redis_url is not None and settings.events_redis_url is not None
    if (workers > 1 and not linked) or (
        settings.role != "all" and settings.events_redis_url is None
    ):
        raise Invalid(
            "--workers above 1 or a --role other than all needs ECHOTUNE_EVENTS_REDIS_URL and"
            " ECHOTUNE_REDIS_URL, so that the processes hear of each other"
        )
    if workers > 1 and settings.metrics_port is not None:
        need_free(settings.host, settings.metrics_port)
    home = settings.home
    home.mkdir(parents=True, exist_ok=True)
    if not no_demo and settings.role not in BEHIND:
        demo_if_empty(settings)
    with console.status("compiling kernels (once per machine and release)"):
        prepare_kernels(settings.kernels_home)
    if settings.role in BEHIND:
        run_worker(settings)
        return
    fit_if_needed(settings, console=console)
    os.environ["ECHOTUNE_PORT"] = str(settings.port or free_port(settings.host))
    if workers == 1:
        run_server(Settings.from_env(os.environ), workers=1)
        return
    with folder_of_workers(home) as folder:
        os.environ["ECHOTUNE_WORKERS_DIR"] = str(folder)
        run_server(Settings.from_env(os.environ), workers=workers)


def need_free(host: str, port: int) -> None:
    """Workers share the port of /metrics, and would share it with those of another server."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Invalid(f"ECHOTUNE_METRICS_PORT: {port} cannot be had: {error}") from error


def run_worker(settings: Settings) -> None:
    """Jobs, or learning, until SIGTERM or Ctrl-C."""
    import asyncio

    from service.logs import configure_logs
    from service.worker import work

    configure_logs(settings.log_level)
    asyncio.run(work(settings))


def demo_if_empty(settings: Settings) -> None:
    """Make the demo world in an empty data folder; one that was cut short is finished first."""
    unfinished = settings.home / "demo.unfinished"
    if unfinished.exists():  # the same `now` gives the same world, and what is there is skipped
        now = datetime.fromisoformat(unfinished.read_text(encoding="ascii"))
    elif has_store(settings):
        return
    else:
        now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        unfinished.write_text(now.isoformat(), encoding="ascii")
    make_demo(settings, console=console, now=now)
    unfinished.unlink()


def has_store(settings: Settings) -> bool:
    """Whether there is a store already: the file of SQLite, or tracks in MongoDB."""
    if settings.mongo_url is None:
        return (settings.home / "echotune.db").exists()
    return asyncio.run(_count_tracks(settings)) > 0


async def _count_tracks(settings: Settings) -> int:
    from service.adapters import open_store

    store = await open_store(settings)
    try:
        return (await store.counts())["tracks"]
    finally:
        await store.close()


def run_server(settings: Settings, *, workers: int) -> None:
    """Granian until SIGTERM or Ctrl-C; requests in flight are finished."""
    from granian.constants import Interfaces
    from granian.http import HTTP1Settings
    from granian.log import LogLevels
    from granian.server import Server

    from service.api.admission import MOST_PUSH
    from service.cli.first_signal import hear_the_first

    hear_the_first()
    connections = MOST_PUSH + MOST_CONNECTIONS
    allow_files(2 * connections)
    Server(
        "service.app:served",
        factory=True,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        workers=workers,
        backpressure=connections,
        respawn_failed_workers=True,  # without it one killed worker closes the port
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_TIMEOUT_MS),
        working_dir=Path.cwd(),
        log_level=LogLevels.warning,
    ).serve()


def allow_files(wanted: int) -> None:
    """Raise the number of files and connections a process may have open, as far as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:  # 1,024 on most systems
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def free_port(host: str) -> int:
    """A port nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port
