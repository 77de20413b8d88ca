"""Log lines: a JSON object each, or colours on a terminal; never the values of local variables."""

import re
import sys
from typing import Any

import structlog

SECRETS = re.compile(
    r"\bet_[0-9A-Za-z]{6,24}_[0-9A-Za-z]{8,64}"  # an API key
    r"|\beyJ[\w-]{4,}\.[\w-]{4,}(?:\.[\w-]*)?"  # a token (JWT)
    r"|(?<=://)[^\s/@\"']{1,256}@"  # user and password in an address
    r"|(?i:\b(?:bearer|basic) +[\w.~+/=-]{8,})"  # a header
    r"|[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"  # somebody's mail
)
"""What no line tells, wherever it comes from: most of all from the text of somebody's exception."""


def redacted(_: object, __: str, line: Any) -> str:  # noqa: ANN401 - structlog's type is the event
    """The last step of every line, which is text by then."""
    return SECRETS.sub("***", line)


def configure_logs(level: str) -> None:
    """Set up structlog for this process; `level` as in the settings."""
    terminal = sys.stderr.isatty()
    renderer: Any = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if terminal
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([] if terminal else [structlog.processors.format_exc_info]),
            renderer,
            redacted,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
