"""A report in the form and at the place that was asked for."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec
import rich_click as click

from service.errors import Invalid

Found = TypeVar("Found")
FORMS = ("text", "json", "html")


def written(
    found: Found, form: str, text: Callable[[Found], str], page: Callable[[Found], str]
) -> str:
    """The report as text, as indented JSON, or as one page."""
    if form == "json":
        return msgspec.json.format(msgspec.json.encode(found)).decode()
    return page(found) if form == "html" else text(found)


def deliver(body: str, output: Path | None, said: str) -> None:
    """Print it, or write it to a file and say so.

    Raises:
        Invalid: the file cannot be written.
    """
    if output is None:
        click.echo(body)
        return
    try:
        output.write_text(body, encoding="utf-8")
    except OSError as error:
        raise Invalid(f"{output}: {error.strerror}") from error
    click.echo(f"{output}: {said}")
