"""A report as JSON, as text or as a page, whichever is asked for."""

from collections.abc import Callable
from typing import Literal, TypeVar

from litestar import MediaType, Response
from msgspec import Struct

Found = TypeVar("Found")
ALSO = ("text/plain", "text/html")


class ReportQuery(Struct, forbid_unknown_fields=True):
    """json for programs; text for a terminal; html is one page that needs nothing else."""

    format: Literal["json", "text", "html"] = "json"


def in_form(
    found: Found, query: ReportQuery, text: Callable[[Found], str], page: Callable[[Found], str]
) -> Response[Found]:
    """The answer that was asked for."""
    if query.format == "text":
        return Response(text(found), media_type=MediaType.TEXT)  # type: ignore[arg-type]
    if query.format == "html":
        return Response(page(found), media_type=MediaType.HTML)  # type: ignore[arg-type]
    return Response(found)
