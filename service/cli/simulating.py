"""A simulated experiment from a terminal, with a progress bar."""

import asyncio
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.console import Console

from service.cli.kernels import prepare_kernels
from service.cli.progress import bar
from service.domain import Value
from service.settings import Settings

if TYPE_CHECKING:
    from service.experiments.report import Report


def simulated(
    control: Mapping[str, Value],
    variant: Mapping[str, Value],
    *,
    listeners: int,
    days: int,
    seed: int,
) -> "Report":
    """The report of an experiment on listeners who never existed."""
    prepare_kernels(Settings.from_env(os.environ).home)
    from service.simulation.trial import World, simulate

    world = World(listeners=listeners, days=days, seed=seed)
    with bar("days lived", days, Console(stderr=True)) as advance:
        return asyncio.run(
            simulate(control, variant, world, progress=lambda share: advance(round(share * days)))
        )
