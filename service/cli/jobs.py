"""echotune jobs: the queue that all processes share, from a terminal."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
import rich_click as click

from service.errors import Invalid
from service.jobs import JobQueue
from service.settings import Settings

Answer = TypeVar("Answer")


@click.group()
def jobs() -> None:
    """Look after the jobs in the Redis of ECHOTUNE_EVENTS_REDIS_URL.

    Without it jobs live in the server's own process; there it is /v1/jobs that shows them.
    """


@jobs.command("list")
def list_() -> None:
    """The newest jobs, one a line, newest first."""
    for job in _ask(lambda queue: queue.newest()):
        click.echo(msgspec.json.encode(job))


@jobs.command()
def dead() -> None:
    """The jobs that failed for good, one a line, newest first."""
    for letter in _ask(lambda queue: queue.dead()):
        click.echo(msgspec.json.encode(letter))


@jobs.command()
@click.argument("job_id")
def replay(*, job_id: str) -> None:
    """Run a dead letter again, as a new job."""
    click.echo(msgspec.json.encode(_ask(lambda queue: queue.replay(job_id))))


@jobs.command()
@click.argument("job_id")
def cancel(*, job_id: str) -> None:
    """Keep a job from starting, or from going on."""
    click.echo(msgspec.json.encode(_ask(lambda queue: queue.cancel(job_id))))


def _ask(question: Callable[[JobQueue], Awaitable[Answer]]) -> Answer:
    settings = Settings.from_env(os.environ)
    if settings.events_redis_url is None:
        raise Invalid(
            "ECHOTUNE_EVENTS_REDIS_URL is not set: jobs live in the server's own process,"
            " and GET /v1/jobs of that server lists them"
        )

    async def answer() -> Answer:
        from service.adapters import open_jobs

        queue = open_jobs(settings)
        try:
            return await question(queue)
        finally:
            await queue.close()

    return asyncio.run(answer())
