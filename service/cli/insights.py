"""echotune insights: what would be shown to whom, and what is played."""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from rich.console import Console

from service.cli.kernels import prepare_kernels
from service.cli.progress import bar
from service.cli.reporting import FORMS, deliver, written
from service.settings import Settings

if TYPE_CHECKING:
    from service.learn.insights import Insights


@click.command()
@click.option("--format", "form", type=click.Choice(FORMS), default="text", show_default=True)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Default: stdout.")
@click.option(
    "--listeners",
    type=click.IntRange(1),
    default=500,
    show_default=True,
    help="For how many a list is made.",
)
def insights(*, form: str, output: Path | None, listeners: int) -> None:
    """What is shown to whom, coverage, rising tracks, and when people listen.

    Lists are made now, for a sample of the listeners that the model knows, and count as shown to
    nobody. GET /v1/insights says the same of the lists that a running server has sent.

    Example: echotune insights --format html --output insights.html
    """
    settings = Settings.from_env(os.environ)
    prepare_kernels(settings.home)
    from service.learn.insights_page import page
    from service.learn.insights_text import text

    found = asyncio.run(_look(settings, listeners, Console(stderr=True)))
    body = written(found, form, text, page)
    deliver(body, output, f"insights as of {found.as_of:%Y-%m-%d %H:%M} UTC")


async def _look(settings: Settings, listeners: int, console: Console) -> "Insights":
    import numpy as np

    from service.bootstrap import open_house
    from service.learn.lookout import look
    from service.recommend.ask import Ask

    async with open_house(settings) as house:
        model = house.current.model
        known = [] if model is None else model.listeners.ids
        many = min(listeners, len(known))
        made = []
        with bar("making lists", many, console) as advance:
            for place in range(many):
                user_id = known[place * len(known) // many]
                answer, _ = await house.recommender.for_user(user_id, Ask())
                made.append((user_id, np.frombuffer(answer.rows, np.int32)))
                advance(place + 1)
        now = datetime.now(UTC)
        return await look(house.store, house.current, lambda: made, source="made", now=now)
