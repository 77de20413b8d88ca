"""A report in the form that was asked for."""

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from service.experiments.report import Report

FORMS = ("text", "json", "html")


def written(found: "Report", form: str) -> str:
    """The report as text, as indented JSON, or as one page."""
    from service.experiments.report_page import page
    from service.experiments.report_text import text

    if form == "json":
        return msgspec.json.format(msgspec.json.encode(found)).decode()
    return page(found) if form == "html" else text(found)
