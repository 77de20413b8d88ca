"""echotune audit: whether what was written down is still what was written."""

import os

import rich_click as click
from click.exceptions import Exit

from service.access.audit import verify as read_all
from service.settings import Settings


@click.group()
def audit() -> None:
    """What was done with the rights of operators, and what was refused: in DATA_DIR/audit."""


@audit.command()
def verify() -> None:
    """Check every line against the one before; exit code 1 when one is not as it was written.

    Keep the last hash of a file elsewhere: lines cut off at its end show in nothing else.
    """
    broken = False
    for name, lines, last, wrong in read_all(Settings.from_env(os.environ).home / "audit"):
        click.echo(f"{name}  {lines:,} lines  {last}" + (f"  BROKEN: {wrong}" if wrong else ""))
        broken = broken or bool(wrong)
    if broken:
        raise Exit(1)
