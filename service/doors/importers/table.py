"""CSV and TSV: a header, then rows of as many fields. One bad row never spoils the next."""

import csv
from collections.abc import Iterator
from typing import Any

from service.doors.importers.row import csv_reason
from service.doors.importers.source import Source
from service.errors import UnusableFile

DELIMITERS = ",\t;|"


def header(source: Source, *, delimiter: str | None = None) -> tuple[list[str], str]:
    """The column names, and the delimiter: the given one, else the commonest on line 1.

    Raises:
        UnusableFile: line 1 is blank or no text.
    """
    with source.text() as text:
        first = text.readline()
    if not first.strip() or not first.strip("\r\n").replace("\t", " ").isprintable():
        raise UnusableFile(
            f"{source.name} line 1: no header of UTF-8 text; save the table as CSV with a header"
        )
    delimiter = delimiter or max(DELIMITERS, key=first.count)
    try:
        names = next(csv.reader([first], **_dialect(delimiter)))
    except csv.Error as error:
        raise UnusableFile(f"{source.name} line 1: {csv_reason(error)}") from error
    return [name.strip() for name in names], delimiter


def rows(
    source: Source, delimiter: str, width: int, *, headed: bool = True
) -> Iterator[tuple[int, list[str], str | None]]:
    """Line number, fields and what is wrong with them (None: nothing). Blank lines are no rows.

    `headed`: line 1 is the header and no row.
    """
    with source.text() as text:
        reader = csv.reader(text, **_dialect(delimiter))
        if headed:
            next(reader)
        while True:
            line = reader.line_num + 1
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield line, [], csv_reason(error)
                continue
            if len(fields) == width:
                yield line, fields, None if source.utf8 or _is_text(fields) else "not UTF-8 text"
            elif fields:
                yield line, fields, f"{len(fields)} fields where the header has {width}"


def _dialect(delimiter: str) -> dict[str, Any]:
    # In tab-separated files a quote is a character like any other.
    quoting = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    return {"delimiter": delimiter, "quoting": quoting}


def _is_text(fields: list[str]) -> bool:
    try:
        "".join(fields).encode()
    except UnicodeEncodeError:
        return False
    return True
