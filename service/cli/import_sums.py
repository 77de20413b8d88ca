"""What an import ends with: sums to check, and where the rest went."""

from typing import TYPE_CHECKING

import rich_click as click
from rich.console import Console

if TYPE_CHECKING:
    from service.doors.importers import Summary


def print_sums(summary: "Summary", seconds: float, *, dry_run: bool = False) -> None:
    """Every row accounted for, and how long it took."""
    from rich.table import Table

    table = Table("read", "stored", "duplicate", "rejected", "seconds", "rows/s")
    counts = (summary.read, summary.stored, summary.duplicate, summary.rejected)
    table.add_row(
        *(f"{count:,}" for count in counts), f"{seconds:.1f}", f"{summary.read / seconds:,.0f}"
    )
    Console().print(table)
    would = "would have " if dry_run else ""
    click.echo(f"{would}stored {summary.tracks:,} tracks and {summary.listens:,} listens")
    if summary.created:
        click.echo(
            f"{would}created {summary.created:,} bare tracks that the file names but nothing"
            " describes"
        )
    if summary.rejects:
        click.echo(f"rejected rows, each with its line and reason: {summary.rejects}")
    if not summary.read:
        click.echo("the file holds no rows below its header")
