"""A simulated experiment from a terminal, with a progress bar."""

import asyncio
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import rich_click as click
from rich.console import Console

from service.cli.kernels import prepare_kernels
from service.cli.progress import bar
from service.cli.reporting import FORMS, written
from service.cli.variants import pair
from service.domain import Value
from service.settings import Settings

if TYPE_CHECKING:
    from service.experiments.report import Report


@click.command()
@click.option("--control", "control", multiple=True, metavar="KEY=VALUE", help="Default: none.")
@click.option("--variant", "variant", multiple=True, required=True, metavar="KEY=VALUE")
@click.option("--listeners", type=click.IntRange(20, 100_000), default=400, show_default=True)
@click.option("--days", type=click.IntRange(1, 365), default=14, show_default=True)
@click.option("--seed", type=int, default=7, show_default=True)
@click.option("--format", "form", type=click.Choice(FORMS), default="text", show_default=True)
def simulate(
    *,
    control: tuple[str, ...],
    variant: tuple[str, ...],
    listeners: int,
    days: int,
    seed: int,
    form: str,
) -> None:
    """Let listeners who never existed live with two configurations.

    They have tastes, tire of what they heard, get bored by one artist after the other, and stay
    away when they are disappointed. Everything else is the service itself.
    """
    from service.experiments.report_page import page
    from service.experiments.report_text import text

    found = simulated(
        dict(map(pair, control)),
        dict(map(pair, variant)),
        listeners=listeners,
        days=days,
        seed=seed,
    )
    click.echo("SIMULATION: none of these listeners exists.", err=True)
    click.echo(written(found, form, text, page))


def simulated(
    control: Mapping[str, Value],
    variant: Mapping[str, Value],
    *,
    listeners: int,
    days: int,
    seed: int,
) -> "Report":
    """The report of an experiment on listeners who never existed."""
    prepare_kernels(Settings.from_env(os.environ).kernels_home)
    from service.simulation.trial import World, simulate

    world = World(listeners=listeners, days=days, seed=seed)
    with bar("days lived", days, Console(stderr=True)) as advance:
        return asyncio.run(
            simulate(control, variant, world, progress=lambda share: advance(round(share * days)))
        )
