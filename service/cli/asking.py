"""echotune recommend: a list in the terminal."""

import asyncio
import os

import msgspec
import rich_click as click
from rich.console import Console
from rich.table import Table

from service.cli.kernels import prepare_kernels
from service.settings import Settings


@click.command()
@click.argument("user")
@click.option("--limit", type=click.IntRange(1, 100), default=10, show_default=True)
@click.option("--mix", type=click.Choice(["discover", "familiar", "blend"]), default="discover")
@click.option("--json", "as_json", is_flag=True, help="Print what the HTTP API would answer.")
def recommend(user: str, *, limit: int, mix: str, as_json: bool) -> None:
    """Recommend tracks to USER, with a reason each.

    Example: echotune recommend u1 --limit 5
    """
    settings = Settings.from_env(os.environ)
    prepare_kernels(settings.kernels_home)
    body = asyncio.run(_answer(settings, user, {"limit": limit, "mix": mix}))
    if as_json:
        click.echo(body.decode())
        return
    page = msgspec.json.decode(body)
    table = Table(title=f"{page['tier']} list for {user}", title_justify="left")
    for column in ("", "title", "artist", "why"):
        table.add_column(column)
    for one in page["recommendations"]:
        track = one["track"]
        table.add_row(str(one["rank"]), track["title"], track["artist"], one["reason"]["text"])
    Console().print(table)


async def _answer(settings: Settings, user: str, wanted: dict[str, object]) -> bytes:
    from service.api.contract import read_path
    from service.bootstrap import open_house
    from service.domain import UserId
    from service.recommend.ask import Ask

    async with open_house(settings) as house:
        ask = msgspec.convert(wanted, Ask)
        answer, _ = await house.recommender.for_user(read_path(user, UserId), ask)
        return answer.body
