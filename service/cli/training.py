"""echotune train: fit a model on everything stored."""

import asyncio
import os

import rich_click as click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from service.cli.kernels import prepare_kernels
from service.errors import ModelNotReady
from service.settings import Settings

console = Console(stderr=True, highlight=False)


@click.command()
def train() -> None:
    """Fit a model on everything stored, check it on held-out listens, serve it.

    It serves only if it is no worse than the model that serves now, overall and for new listeners,
    rare tracks and each country; otherwise this says why, and it is kept. A running server takes a
    new model over within seconds. `echotune models` lists what is kept, goes back, or overrules.
    """
    settings = Settings.from_env(os.environ)
    prepare_kernels(settings.kernels_home)
    metrics = asyncio.run(_fit(settings, console))
    for name, value in metrics.items():
        console.print(f"  {name:28} {value:.4f}")


def fit_if_needed(settings: Settings, *, console: Console) -> None:
    """Fit unless a model is there; too few listens are no error.

    Looks at the files only: opening everything here would cost each start the imports twice.
    """
    models = settings.home / "models"
    if any(models.glob("[!.]*/manifest.json")):
        return
    try:
        asyncio.run(_fit(settings, console))
    except ModelNotReady as error:
        console.print(f"no model yet: {error}")


async def _fit(settings: Settings, console: Console) -> dict[str, float]:
    from service.bootstrap import open_house

    async with open_house(settings) as house:
        columns = TextColumn("fitting"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn()
        with Progress(*columns, console=console) as bar:
            task = bar.add_task("fitting", total=1.0)
            await house.trainer.fit(lambda share: bar.update(task, completed=share))
            bar.update(task, completed=1.0)
        return house.current.model.metrics if house.current.model else {}
