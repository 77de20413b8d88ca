"""What other settings would have earned, from a terminal."""

import asyncio
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import rich_click as click
from rich.console import Console

from service.cli.kernels import prepare_kernels
from service.cli.progress import bar
from service.cli.variants import pair
from service.domain import ShownList, Value
from service.settings import Settings

if TYPE_CHECKING:
    from service.experiments.off_policy import Value as Interval
    from service.recommend.counterfactual import Estimate
    from service.store import Store

SETTLED = timedelta(hours=24)
"""A list has so long to be played from: younger ones are not asked yet."""


@click.command()
@click.argument("name")
@click.option("--set", "settings", multiple=True, required=True, metavar="KEY=VALUE")
@click.option("--hours", type=click.IntRange(1, 24 * 90), default=24, show_default=True)
@click.option("--most", type=click.IntRange(1), default=5_000, show_default=True, help="Lists.")
def estimate(*, name: str, settings: tuple[str, ...], hours: int, most: int) -> None:
    """What other settings would have earned, from the lists that NAME showed.

    It takes a variant with `explored=2` or so: where nothing is left to chance the log knows
    nothing but what was shown.
    """
    click.echo(estimated(name, dict(map(pair, settings)), hours=hours, most=most))


def estimated(name: str, wanted: Mapping[str, Value], *, hours: int, most: int) -> str:
    """An estimate in words."""
    settings = Settings.from_env(os.environ)
    prepare_kernels(settings.kernels_home)
    return in_words(asyncio.run(_estimate(settings, name, wanted, hours=hours, most=most)))


def in_words(found: "Estimate") -> str:
    """What was found, and whether to believe it."""
    lines = [
        f"{found.lists:,} lists with {found.places:,} places; plays of 30 s per place:",
        f"  as shown       {found.shown:.4f}",
        f"  other (IPS)    {_between(found.other.ips)}",
        f"  other (SNIPS)  {_between(found.other.snips)}",
        f"  worth {found.other.effective:,.0f} places",
        f"  the log covers {found.covered:.0%} of what the other shows",
    ]
    if found.thin:
        lines.append(
            "warning: what was shown and what the other would show hardly overlap, so this says"
            " little: run a variant with `explored=2` or more, and ask again"
        )
    return "\n".join(lines)


def _between(value: "Interval") -> str:
    return f"{value.mean:.4f}  ({value.low:.4f} to {value.high:.4f})"


async def _estimate(
    settings: Settings, name: str, wanted: Mapping[str, Value], *, hours: int, most: int
) -> "Estimate":
    from service.bootstrap import open_house
    from service.experiments.lifecycle import find
    from service.recommend.counterfactual import estimate

    async with open_house(settings) as house:
        await find(house.store, name)
        lists = await _lists(house.store, name, hours=hours, most=most)
        with bar("lists made again", len(lists), Console(stderr=True)) as advance:
            return await estimate(
                house.store,
                house.current.view(),
                wanted,
                lists,
                balance=settings.balance,
                progress=lambda share: advance(round(share * len(lists))),
            )


async def _lists(store: "Store", name: str, *, hours: int, most: int) -> list[ShownList]:
    """Lists of the experiment from the hours before yesterday, spread over its users."""
    until = datetime.now(UTC) - SETTLED
    found = [
        one
        async for batch in store.shown(until - timedelta(hours=hours), until=until)
        for one in batch
        if name in one.variants
    ]
    step = -(-len(found) // most) or 1
    return found[::step]
