"""Typed bodies and queries: decoded strictly by msgspec, documented from the same Structs.

Litestar would decode a body untyped first, and a body 30,000 brackets deep would end that in a
RecursionError; a typed decoder refuses it at the first bracket that does not belong.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from litestar import Litestar, MediaType, Request, Response
from litestar.openapi.spec import (
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    Parameter,
    Reference,
    RequestBody,
)

from service.domain import TrackId, UserId
from service.errors import Invalid

AnyRequest = Request[Any, Any, Any]
Wanted = TypeVar("Wanted")
REF = "#/components/schemas/{name}"
IDS: dict[str, Any] = {
    "user_id": msgspec.json.schema(UserId),
    "track_id": msgspec.json.schema(TrackId),
}
"""What a path parameter of that name must be like."""
MOST_PARAMETERS = 50
LONGEST = 400  # characters of a reason


def decode(body: bytes, decoder: "msgspec.json.Decoder[Wanted]") -> Wanted:
    """A JSON body as what the route takes.

    Raises:
        Invalid: with the place and the reason.
    """
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(f"the body is not what this route takes: {_short(error)}") from error


def read_query(request: AnyRequest, wanted: type[Wanted]) -> Wanted:
    """The query string as a Struct: unknown names, repeated names and wrong values are refused.

    Raises:
        Invalid: with the name and the reason.
    """
    return query_of(request.scope["query_string"], wanted)


def query_of(raw: bytes, wanted: type[Wanted]) -> Wanted:
    """What `read_query` reads, out of the query string itself.

    Raises:
        Invalid: with the name and the reason.
    """
    if not raw:
        return _convert({}, wanted)
    if raw.count(b"&") >= MOST_PARAMETERS:
        raise Invalid(f"at most {MOST_PARAMETERS} query parameters")
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError as error:
        raise Invalid("the query string is not valid UTF-8") from error
    values = dict(pairs)
    if len(values) != len(pairs):
        raise Invalid("a query parameter is given twice")
    return _convert(values, wanted)


def read_path(value: str, wanted: Any) -> str:  # noqa: ANN401 - an Annotated type
    """A path parameter as the id type it must be.

    Raises:
        Invalid: with the pattern it misses.
    """
    try:
        text: str = msgspec.convert(value, wanted)
    except msgspec.ValidationError as error:
        raise Invalid(f"not an id: {_short(error)}") from error
    return text


def encoded(body: bytes) -> Response[Any]:
    """An answer that is JSON already."""
    return Response(body, media_type=MediaType.JSON)


PROBLEM = OpenAPIResponse(
    description="What went wrong (RFC 9457)",
    content={
        "application/problem+json": OpenAPIMediaType(
            schema=Reference(ref=REF.format(name="ProblemDetails"))
        )
    },
)


def documents(
    *,
    body: Any = None,  # noqa: ANN401
    query: type[msgspec.Struct] | None = None,
    also: tuple[str, ...] = (),
    stream: type[msgspec.Struct] | None = None,
    refusal: type[msgspec.Struct] | None = None,
) -> type[Operation]:
    """An OpenAPI operation class that knows what `decode` and `read_query` will be asked for.

    `also`: media types the answer may have beside JSON, of the same content. `stream`: the data of
    each event, of an answer that is a stream of events. `refusal`: what a protocol of others
    says where the route itself refuses; what stands before it says problems there, too.

    Whatever goes wrong is a problem document, not the shape Litestar would describe for a 400.
    """
    content = _request_body(body) if body is not None else None
    parameters = list(_parameters(query)) if query is not None else []
    bad = PROBLEM if refusal is None else _in_own_words(refusal)

    @dataclass
    class Documented(Operation):
        def __post_init__(self) -> None:
            if content is not None:
                self.request_body = content
            for parameter in self.parameters or []:
                if isinstance(parameter, Parameter) and parameter.name in IDS:
                    parameter.schema = IDS[parameter.name]
            self.parameters = [*(self.parameters or []), *parameters]
            good = {name: answer for name, answer in (self.responses or {}).items() if name < "4"}
            for answer in good.values():
                if isinstance(answer, OpenAPIResponse) and answer.content:
                    (media,) = answer.content.values()
                    answer.content.update(dict.fromkeys(also, media))
                    if stream is not None:
                        media.schema = Reference(ref=REF.format(name=stream.__name__))
            self.responses = {**good, "default": bad}

    return Documented


def describe(app: Litestar, types: Iterable[Any]) -> None:
    """Put these Structs into the API description, for `documents` to refer to.

    Afterwards, because Litestar replaces the component schemas it is configured with by its own.
    """
    _, ours = msgspec.json.schema_components(types, ref_template=REF)
    written = app.openapi_schema.components
    written.schemas = {**(written.schemas or {}), **ours}


def _convert(values: dict[str, str], wanted: type[Wanted]) -> Wanted:
    try:
        query = msgspec.convert(values, wanted, strict=False)
    except msgspec.ValidationError as error:
        raise Invalid(f"query parameter: {_short(error)}") from error
    for name, text in values.items():
        _refuse_leniency(name, text, getattr(query, name))
    return query


def _refuse_leniency(name: str, text: str, value: object) -> None:
    # msgspec reads 1e1 as a whole number and 1e9 as a time; neither is in the API's description.
    if isinstance(value, int) and text != str(value):
        raise Invalid(f"query parameter: `{name}` is a whole number")
    if isinstance(value, datetime) and text[4:5] != "-":
        raise Invalid(f"query parameter: `{name}` is a time such as 2026-03-01T10:00:00Z")


def _short(error: Exception) -> str:
    # msgspec quotes what it was sent, and two megabytes of that would be an echo, not a reason.
    text = str(error)
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} … {text[-LONGEST // 2 :]}"


def _request_body(body: Any) -> RequestBody:  # noqa: ANN401
    (schema,), _ = msgspec.json.schema_components([body], ref_template=REF)
    media = OpenAPIMediaType(schema=_reference(schema))
    return RequestBody(content={"application/json": media}, required=True)


def _parameters(query: type[msgspec.Struct]) -> Iterable[Parameter]:
    _, schemas = msgspec.json.schema_components([query], ref_template=REF)
    for name, schema in schemas[query.__name__]["properties"].items():
        yield Parameter(name=name, param_in="query", schema=_reference(schema))


def _in_own_words(refusal: type[msgspec.Struct]) -> OpenAPIResponse:
    own = OpenAPIMediaType(schema=Reference(ref=REF.format(name=refusal.__name__)))
    return OpenAPIResponse(
        description="What went wrong, in the words of this protocol, or of those before it",
        content={**(PROBLEM.content or {}), "application/json": own},
    )


def _reference(schema: dict[str, Any]) -> Any:  # noqa: ANN401 - Litestar writes mappings as they are
    return Reference(ref=schema["$ref"]) if set(schema) == {"$ref"} else schema
