"""The documentation of facts, made from their Structs: AsyncAPI 3 and the table of docs/events.md.

`echotune events schema` writes both; tests/repo/test_events_docs.py fails when they are out of
date.
"""

import inspect
from typing import Any

import msgspec

from service.bus.examples import EVENTS, TRACES
from service.bus.facts import Fact, topic

Document = dict[str, Any]

START, END = "<!-- facts: echotune events schema --page writes this -->", "<!-- /facts -->"
VERSION = "3.0.0"
CARRIERS = (
    ("events", EVENTS, "never trimmed before every group and reader is through with it"),
    ("traces", TRACES, "kept as long as there is room"),
)
"""Stream, its facts, and how long they stay."""


def asyncapi(version: str) -> Document:
    """The AsyncAPI document of everything that travels; `version` is that of EchoTune."""
    facts = [(stream, fact) for stream, examples, _ in CARRIERS for fact in examples]
    return {
        "asyncapi": VERSION,
        "info": {
            "title": "EchoTune facts",
            "version": version,
            "description": "What EchoTune tells other processes. The address of a channel is the"
            " topic, which every message carries as `type`; docs/events.md says how they travel.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {_name(fact): _channel(stream, fact) for stream, fact in facts},
        "operations": {f"send{_name(fact)}": _operation(fact) for _, fact in facts},
        "components": {
            "messages": {_name(fact): _message(fact) for _, fact in facts},
            "schemas": _schemas(),
        },
    }


def page() -> str:
    """The facts as Markdown: what each says, its fields and one of them."""
    parts = []
    for stream, examples, stay in CARRIERS:
        parts.append(f"## {stream.capitalize()}: {stay}\n")
        parts += [_section(fact) for fact in examples]
    return "\n".join([*parts, "## What facts are made of\n", *_shared()])


def refreshed(text: str) -> str:
    """This page with its table of facts made anew.

    Raises:
        ValueError: the page has no place for it.
    """
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise ValueError(f"the page has no {START} or no {END}")
    return f"{before}{START}\n\n{page()}\n{END}{after}"


def _channel(stream: str, fact: Fact) -> Document:
    reference = f"#/components/messages/{_name(fact)}"
    return {
        "address": topic(fact),
        "summary": _summary(type(fact)),
        "messages": {_name(fact): {"$ref": reference}},
        "x-redis-stream": f"echotune:bus:{stream}",
    }


def _operation(fact: Fact) -> Document:
    channel = f"#/channels/{_name(fact)}"
    return {
        "action": "send",
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/{_name(fact)}"}],
    }


def _message(fact: Fact) -> Document:
    return {
        "name": topic(fact),
        "title": _name(fact),
        "summary": _summary(type(fact)),
        "contentType": "application/json",
        "payload": {"$ref": f"#/components/schemas/{_name(fact)}"},
        "examples": [{"payload": msgspec.to_builtins(fact)}],
    }


def _schemas() -> Document:
    types = [type(fact) for _, examples, _ in CARRIERS for fact in examples]
    _, found = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    return {name: _cleaned(schema) for name, schema in found.items()}


def _cleaned(schema: Document) -> Document:
    """Without the indentation that docstrings have in the source."""
    return schema | {"description": inspect.cleandoc(schema["description"])}


def _section(fact: Fact) -> str:
    shown = msgspec.json.format(msgspec.json.encode(fact), indent=2).decode()
    schema = _schemas()[_name(fact)]
    fields = "\n".join(_rows(schema))
    return (
        f"### {_name(fact)}\n\n`{topic(fact)}`\n\n{_text(type(fact))}\n\n{fields}\n\n"
        f"```json\n{shown}\n```\n"
    )


def _shared() -> list[str]:
    """The Structs that facts hold, once each."""
    facts = {_name(fact) for _, examples, _ in CARRIERS for fact in examples}
    return [
        f"### {name}\n\n{schema['description']}\n\n" + "\n".join(_rows(schema)) + "\n"
        for name, schema in _schemas().items()
        if name not in facts
    ]


def _rows(schema: Document) -> list[str]:
    needed = schema.get("required", [])
    lines = ["| field | type | |", "| :-- | :-- | :-- |"]
    for name, one in schema["properties"].items():
        if name != "type":
            lines.append(f"| `{name}` | {_kind(one)} | {'' if name in needed else 'optional'} |")
    return lines


def _kind(schema: Document) -> str:
    """The type of a field in a few words."""
    kind = str(schema.get("type", "any"))
    match schema:
        case {"$ref": reference}:
            kind = f"[{_last(reference)}](#{_last(reference).lower()})"
        case {"anyOf": kinds}:
            kind = " or ".join(_kind(one) for one in kinds)
        case {"enum": values}:
            kind = ", ".join(f"`{value}`" for value in values)
        case {"items": items}:
            kind = f"list of {_kind(items)}"
        case {"additionalProperties": dict(values)}:
            kind = f"{_kind(values)} by name"
        case {"format": "date-time"}:
            kind = "time (RFC 3339)"
    return kind


def _name(fact: Fact) -> str:
    return type(fact).__name__


def _last(reference: str) -> str:
    return reference.rpartition("/")[2]


def _text(fact: type[Fact]) -> str:
    return inspect.cleandoc(fact.__doc__ or "")


def _summary(fact: type[Fact]) -> str:
    return _text(fact).partition("\n")[0]
