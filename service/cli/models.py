"""echotune models: the versions of the model, and which of them serves."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import rich_click as click

from service.cli.kernels import prepare_kernels
from service.settings import Settings

if TYPE_CHECKING:
    from service.learn.trainer import Trainer
    from service.model.files import Manifest

Answer = TypeVar("Answer")
FIGURE = "hybrid.ndcg"


@click.group()
def models() -> None:
    """List the versions of the model, and choose which of them serves.

    A running server follows within seconds, all of its workers.
    """


@models.command("list")
def list_() -> None:
    """The versions that are kept, newest first; the one with a star serves.

    Each with its NDCG on listens held out at the fit, and what the quality gate said.
    """

    async def look(trainer: "Trainer") -> "tuple[str | None, list[Manifest]]":
        return await trainer.published(), trainer.versions()

    current, kept = _with_trainer(look)
    for one in reversed(kept):
        star = "*" if one.version == current else " "
        figure = one.metrics.get(FIGURE)
        quality = "      " if figure is None else f"{figure:.4f}"
        click.echo(f"{star} {one.version}  {quality}  {_said(one)}")


@models.command()
@click.argument("version")
def activate(*, version: str) -> None:
    """Serve VERSION from now on, older, newer or refused by the quality gate."""
    _with_trainer(lambda trainer: trainer.activate(version))
    click.echo(f"{version} serves")


@models.command()
def rollback() -> None:
    """Serve the version before the one that serves, passing over what the gate refused."""
    click.echo(f"{_with_trainer(lambda trainer: trainer.rollback())} serves")


def _said(one: "Manifest") -> str:
    if one.verdict is None:
        return "fitted before there was a quality gate"
    return f"{'passed' if one.verdict.passed else 'refused'}: {one.verdict.why}"


def _with_trainer(do: "Callable[[Trainer], Awaitable[Answer]]") -> Answer:
    settings = Settings.from_env(os.environ)
    prepare_kernels(settings.kernels_home)

    async def answer() -> Answer:
        from service.bootstrap import open_house

        async with open_house(settings) as house:
            return await do(house.trainer)

    return asyncio.run(answer())
