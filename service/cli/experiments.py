"""echotune experiment: what is tried on whom, and what came of it."""

from datetime import UTC, datetime
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import rich_click as click

from service.cli.estimating import estimate
from service.cli.reporting import FORMS, deliver, written
from service.cli.simulating import simulate
from service.cli.storing import with_store
from service.cli.variants import pair, variant
from service.errors import Invalid

if TYPE_CHECKING:
    from service.domain import Experiment
    from service.experiments.report import Report
    from service.store import Store

Answer = TypeVar("Answer")


@click.group()
def experiment() -> None:
    """Try a change on some listeners, and learn whether it is one for the better.

    \b
    echotune experiment create more-new --variant control --variant new:balance=0.5
    echotune experiment start more-new
    echotune experiment report more-new

    A running server follows within seconds, all of its workers. A report may be read at any time:
    its intervals hold however often somebody looks.
    """  # noqa: D301 - \b keeps the lines of the example apart


@experiment.command()
@click.argument("name")
@click.option(
    "--variant",
    "variants",
    multiple=True,
    required=True,
    metavar="NAME[*WEIGHT][:KEY=VALUE,…]",
    help="At least two; the first is the control. `new*2:balance=0.5,explored=2` has twice the"
    " users of the others.",
)
@click.option("--allocation", type=float, default=0.1, show_default=True, help="Of the audience.")
@click.option("--audience", multiple=True, metavar="KEY=VALUE", help="country, language, timezone.")
@click.option("--layer", help="Experiments of one layer never share a user.")
@click.option("--starts", metavar="TIME", help="UTC, such as 2026-12-01T08:00:00Z.")
@click.option("--ends", metavar="TIME", help="UTC; without it somebody has to stop it.")
@click.option(
    "--guardrail",
    "guardrails",
    multiple=True,
    metavar="METRIC=LOSS",
    help="skip_rate=0.02: a variant surely more than 2 % worse is taken from its users.",
)
def create(
    *,
    name: str,
    variants: tuple[str, ...],
    allocation: float,
    audience: tuple[str, ...],
    layer: str | None,
    starts: str | None,
    ends: str | None,
    guardrails: tuple[str, ...],
) -> None:
    """Keep a draft called NAME; nobody is in it before it is started."""
    from service.experiments.lifecycle import Draft
    from service.experiments.lifecycle import create as keep
    from service.recommend.tuning import tuning_of

    given: dict[str, Any] = {
        "name": name,
        "variants": [variant(one) for one in variants],
        "allocation": allocation,
        "audience": dict(map(pair, audience)),
        "layer": layer,
        "starts": starts,
        "ends": ends,
        "guardrails": [
            {"metric": metric, "most_loss": loss} for metric, loss in map(pair, guardrails)
        ],
    }
    try:
        draft = msgspec.convert(given, Draft)
    except msgspec.ValidationError as error:
        raise Invalid(f"not an experiment: {error}") from error
    _say(with_store(lambda store: keep(store, draft, tuning_of)))


@experiment.command("list")
def list_() -> None:
    """All of them by name: status, share of the users, variants."""
    for one in with_store(lambda store: store.experiments()):
        variants = " ".join(variant.name for variant in one.variants)
        click.echo(f"{one.name:<32} {one.status:<9} {one.allocation:>7.1%}  {variants}")


@experiment.command()
@click.argument("name")
def show(*, name: str) -> None:
    """One experiment as it is stored, as JSON."""
    from service.experiments.lifecycle import find

    _say(with_store(lambda store: find(store, name)))


@experiment.command()
@click.argument("name")
def start(*, name: str) -> None:
    """Let NAME run: at once, or from its start time on."""
    from service.experiments import lifecycle

    _say(with_store(lambda store: lifecycle.start(store, name, now=datetime.now(UTC))))


@experiment.command()
@click.argument("name")
def stop(*, name: str) -> None:
    """Give everybody what they would get without NAME."""
    from service.experiments import lifecycle

    _say(with_store(lambda store: lifecycle.stop(store, name, now=datetime.now(UTC))))


@experiment.command()
@click.argument("name")
def archive(*, name: str) -> None:
    """Keep NAME for the record only; its name is never given again."""
    from service.experiments import lifecycle

    _say(with_store(lambda store: lifecycle.archive(store, name)))


@experiment.command()
@click.argument("name")
@click.argument("allocation", type=click.FloatRange(0, 1))
def grow(*, name: str, allocation: float) -> None:
    """Let ALLOCATION of the audience take part; whoever is in a variant stays in it."""
    from service.experiments import lifecycle

    if isnan(allocation):  # which is in every range
        raise Invalid(f"{allocation} is no share of the audience")
    wanted = lifecycle.Change(allocation=allocation)
    _say(with_store(lambda store: lifecycle.change(store, name, wanted)))


@experiment.command()
@click.argument("name")
@click.option("--format", "form", type=click.Choice(FORMS), default="text", show_default=True)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Default: stdout.")
def report(*, name: str, form: str, output: Path | None) -> None:
    """What can honestly be said of NAME now; html is one page with plots."""
    from service.experiments.report_page import page
    from service.experiments.report_text import text

    found = with_store(lambda store: _look_at(store, name))
    body = written(found, form, text, page)
    deliver(body, output, f"{name} as of {found.as_of:%Y-%m-%d %H:%M} UTC")


@experiment.command()
@click.option("--value", type=float, required=True, help="Of the metric now, such as .31.")
@click.option("--deviation", type=float, required=True, help="Of one user from another.")
@click.option("--lift", type=float, default=0.03, show_default=True, help="That would matter.")
@click.option("--users-a-day", type=float, required=True, help="New users in both arms together.")
@click.option("--power", type=float, default=0.8, show_default=True)
@click.option("--users", type=click.IntRange(2), help="Of each arm: how likely are these enough?")
def plan(
    *,
    value: float,
    deviation: float,
    lift: float,
    users_a_day: float,
    power: float,
    users: int | None,
) -> None:
    """How many users and days it takes to find a lift."""
    from service.experiments.effect import Estimate
    from service.experiments.planning import plan as planned
    from service.experiments.planning import power_of

    now = Estimate(value, deviation**2, 1)
    try:
        made = planned(now, lift, users_a_day=users_a_day, power=power)
    except ValueError as error:
        raise Invalid(str(error)) from error
    click.echo(f"{made.control:,} + {made.variant:,} users, {made.days:,} days")
    if users is not None:
        click.echo(
            f"{users:,} + {users:,} users find it in {power_of(now, lift, users, users):.0%}"
        )


def _say(one: "Experiment") -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(one)).decode())


async def _look_at(store: "Store", name: str) -> "Report":
    from service.experiments.gathering import look_at
    from service.experiments.lifecycle import find
    from service.model.catalogue import empty_catalogue

    catalogue = empty_catalogue().with_tracks(await store.tracks())
    found = await find(store, name)
    return await look_at(store, catalogue, found, now=datetime.now(UTC))


experiment.add_command(estimate)
experiment.add_command(simulate)
