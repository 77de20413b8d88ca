"""Tables and sentences for a terminal, at most `WIDTH` columns wide."""

from collections.abc import Collection, Iterator, Sequence
from textwrap import wrap

WIDTH = 100
INDENT = "  "


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    words: Collection[int],
    below: Sequence[str] = (),
) -> list[str]:
    """Columns; a first cell that would leave too little room for the others has its own line.

    Args:
        head: Names of the columns.
        rows: Their cells.
        words: Columns that are read from the left; the others are figures.
        below: A line under each row, where it is not empty.
    """
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    room = WIDTH - len(INDENT)
    gap = 2 if sum(widths) + 2 * (len(widths) - 1) <= room else 1
    widths[0] = min(widths[0], max(room - sum(widths[1:]) - gap * (len(widths) - 1), len(head[0])))

    def line(cells: Sequence[str]) -> Iterator[str]:
        first = cells[0]
        if len(first) > widths[0]:
            yield INDENT + first
            first = ""
        aligned = [
            cell.ljust(width) if place in words else cell.rjust(width)
            for place, (cell, width) in enumerate(zip([first, *cells[1:]], widths, strict=True))
        ]
        yield (INDENT + (" " * gap).join(aligned)).rstrip()

    lines = list(line(head))
    for place, cells in enumerate(rows):
        lines += line(cells)
        if below and below[place]:
            lines += wrapped(below[place], INDENT * 2)
    return lines


def wrapped(said: str, indent: str = "") -> list[str]:
    """Lines of it, without what would move a terminal's cursor or colour."""
    return wrap(plain(said), WIDTH, initial_indent=indent, subsequent_indent=indent * 2)


def plain(said: str) -> str:
    """The same, with blanks for what would move a terminal's cursor or colour."""
    return "".join(one if one.isprintable() else " " for one in said)
