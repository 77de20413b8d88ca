"""Log lines: a JSON object each, or colours on a terminal; never the values of local variables.

Each says which request it is of, and which trace where there is one, and no secret: what looks like
one is struck out, whatever it came in with.
"""

import re
import sys
from collections.abc import Mapping
from typing import Any

import structlog

from service import request_id, spans

STRUCK = "***"
NAMES = re.compile(r"authorization|cookie|password|secret|token|api[-_]?key", re.IGNORECASE)
"""In the name of a value: all of it is a secret."""
SECRETS = re.compile(
    r"\bet_[0-9A-Za-z]{6,24}_[0-9A-Za-z]{8,64}"  # an API key
    r"|\beyJ[\w-]{4,}\.[\w-]{4,}(?:\.[\w-]*)?"  # a token (JWT)
    r"|(?<=://)[^\s/\"']{1,256}@"  # user and password in an address, up to the last @
    r"|(?i:\b(?:bearer|basic|token) +[\w.~+/=-]{8,})"  # a header
    r"|[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"  # somebody's mail
)
"""What no line tells, wherever it comes from: most of all from the text of somebody's exception."""


def redacted(_: object, __: str, line: Any) -> str:  # noqa: ANN401 - structlog's type is the event
    """The last step of every line, which is text by then."""
    return SECRETS.sub(STRUCK, line)


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
            say_where,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([] if terminal else [structlog.processors.format_exc_info]),
            strike_out,
            renderer,
            redacted,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def say_where(
    _logger: object, _level: str, line: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Add the request that the client named, and the trace at hand."""
    if (sent := request_id.SENT.get()) is not None:
        line.setdefault("request_id", sent)
    if (ids := spans.ids()) is not None:
        line["trace_id"], line["span_id"] = ids
    return line


def strike_out(
    _logger: object, _level: str, line: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Replace values that are called secrets, also in what is nested."""
    return {name: _struck(name, value) for name, value in line.items()}


def _struck(name: str, value: Any) -> Any:  # noqa: ANN401 - whatever was logged
    if NAMES.search(name):
        return STRUCK
    if isinstance(value, Mapping):
        return {one: _struck(str(one), inner) for one, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_struck("", one) for one in value]
    return value
