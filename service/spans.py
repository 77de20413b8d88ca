"""Spans of OpenTelemetry: where the time of one request goes, over threads, jobs and processes.

Off unless ECHOTUNE_TRACING=on, which needs the extra `tracing`; where spans are sent, sampled and
named is said by the standard OTEL_* variables. Off, nothing that traces is imported. A span
names a step, never a user: its attributes have few values, as labels of metrics do.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from service.errors import Invalid

SCOPE = "echotune"
TRACEPARENT = "traceparent"
MOST_LINKS = 32
_NOTHING: AbstractContextManager[Any] = nullcontext()


class _Tracing:
    """What this process traces with; None where it does not."""

    tracer: Any = None
    current: Any = None  # the context of OpenTelemetry, as of now
    propagator: Any = None


_HERE = _Tracing()


@contextmanager
def traced(*, on: bool) -> Iterator[None]:
    """Spans are sent while this is open, if they are wanted; the last ones when it closes.

    Raises:
        Invalid: they are wanted, and the extra is not installed.
    """
    if not on:
        yield
        return
    provider = _begin()
    try:
        yield
    finally:
        _HERE.tracer = None
        provider.shutdown()


def tracing() -> bool:
    """Whether spans are made here."""
    return _HERE.tracer is not None


def span(name: str, under: Any = None, **attributes: str | int) -> AbstractContextManager[Any]:  # noqa: ANN401 - a context of OpenTelemetry
    """A step of the one at hand, or of the one that `under` was `here` of: in another thread."""
    if _HERE.tracer is None:
        return _NOTHING
    made: AbstractContextManager[Any] = _HERE.tracer.start_as_current_span(
        name, context=under, attributes=attributes
    )
    return made


def here() -> Any:  # noqa: ANN401 - a context of OpenTelemetry
    """What another thread names as `under`; None where nothing is traced."""
    return None if _HERE.tracer is None else _HERE.current()


def serving(name: str, carried: dict[str, str]) -> AbstractContextManager[Any]:
    """The span of a request that came in with these headers; the caller's trace goes on."""
    from opentelemetry.trace import SpanKind

    made: AbstractContextManager[Any] = _HERE.tracer.start_as_current_span(
        name, context=_HERE.propagator.extract(carried), kind=SpanKind.SERVER
    )
    return made


def carried() -> dict[str, str]:
    """The headers that hand the trace at hand on, W3C Trace Context; none where there is none."""
    headers: dict[str, str] = {}
    if _HERE.tracer is not None:
        _HERE.propagator.inject(headers)
    return headers


def mark() -> str:
    """The trace at hand as a word that travels with a fact or a job; empty where there is none."""
    return carried().get(TRACEPARENT, "")


def following(
    name: str, marks: Iterable[str], **attributes: str | int
) -> AbstractContextManager[Any]:
    """Work that was set off before, perhaps elsewhere: part of that trace, or linked to several."""
    if _HERE.tracer is None:
        return _NOTHING
    from opentelemetry.trace import Link, get_current_span

    before = [
        _HERE.propagator.extract({TRACEPARENT: one}) for one in list(dict.fromkeys(marks)) if one
    ]
    links = [Link(get_current_span(one).get_span_context()) for one in before[:MOST_LINKS]]
    made: AbstractContextManager[Any] = _HERE.tracer.start_as_current_span(
        name,
        context=before[0] if len(before) == 1 else None,
        links=links if len(before) > 1 else None,
        attributes=attributes,
    )
    return made


def ids() -> tuple[str, str] | None:
    """Trace and span at hand, in hexadecimal, for a log line."""
    if _HERE.tracer is None:
        return None
    from opentelemetry.trace import format_span_id, format_trace_id, get_current_span

    at_hand = get_current_span().get_span_context()
    if not at_hand.is_valid:
        return None
    return format_trace_id(at_hand.trace_id), format_span_id(at_hand.span_id)


def _begin() -> Any:  # noqa: ANN401 - the provider of OpenTelemetry, which has to be shut down
    try:
        from opentelemetry.context import get_current
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
    except ImportError as error:
        raise Invalid(
            "ECHOTUNE_TRACING=on needs OpenTelemetry: pip install 'echotune[tracing]'"
        ) from error
    named = "OTEL_SERVICE_NAME" in os.environ or "service.name=" in os.environ.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    )
    resource = Resource.create({} if named else {"service.name": SCOPE})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    _HERE.current, _HERE.propagator = get_current, TraceContextTextMapPropagator()
    _HERE.tracer = provider.get_tracer(SCOPE)
    return provider
