"""The documentation of facts says what the Structs say, and its sketch of a bridge works."""

import asyncio
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Self, get_args

import msgspec
import pytest
from click.testing import CliRunner

from service.bus import Event, ListenStored, Trace, UserUpdated
from service.bus.examples import EVENTS, TRACES
from service.bus.facts import topic
from service.bus.redis_streams import RedisStream
from service.bus.schema import END, START, asyncapi, refreshed
from service.cli import echotune
from service.domain import Listen
from service.errors import Invalid

DOCS = Path(__file__).parents[2] / "docs"
PAGE, ASYNCAPI = DOCS / "events.md", DOCS / "asyncapi.json"


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def found(document: Any, reference: str) -> Any:
    for part in reference.removeprefix("#/").split("/"):
        document = document[part]
    return document


def test_the_asyncapi_document_is_up_to_date() -> None:
    ran = CliRunner().invoke(echotune, ["events", "schema"], catch_exceptions=False)

    assert ran.output == ASYNCAPI.read_text(encoding="utf-8"), (
        "run: echotune events schema > docs/asyncapi.json"
    )


def test_the_page_is_up_to_date() -> None:
    text = PAGE.read_text(encoding="utf-8")

    assert refreshed(text) == text, "run: echotune events schema --page docs/events.md"


def test_the_page_is_written_where_its_marks_are(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{START}\nold\n{END}\nafter\n")
    words = ["events", "schema", "--page", str(page)]
    CliRunner().invoke(echotune, words, catch_exceptions=False)

    assert page.read_text().startswith(f"before\n{START}\n\n## Events")
    assert page.read_text().endswith(f"{END}\nafter\n")
    page.write_text("no marks")
    assert isinstance(CliRunner().invoke(echotune, words).exception, Invalid)


@pytest.mark.parametrize("examples, facts", [(EVENTS, Event), (TRACES, Trace)])
def test_every_fact_has_one_example_that_reads_back_as_itself(examples, facts) -> None:
    assert set(get_args(facts)) == {type(one) for one in examples}
    assert len(get_args(facts)) == len(examples)
    for one in examples:
        assert one == msgspec.json.decode(msgspec.json.encode(one), type=facts)


def test_every_topic_is_a_channel_and_every_reference_leads_somewhere() -> None:
    document = asyncapi("1")

    addresses = [channel["address"] for channel in document["channels"].values()]
    assert [topic(fact) for fact in (*EVENTS, *TRACES)] == addresses
    assert len(set(addresses)) == len(addresses)
    for reference in references(document):
        assert isinstance(found(document, reference), dict), reference


@pytest.mark.parametrize("fact", [*EVENTS, *TRACES], ids=topic)
def test_an_example_has_the_fields_of_its_schema(fact) -> None:
    schema = asyncapi("1")["components"]["schemas"][type(fact).__name__]
    told = json.loads(msgspec.json.encode(fact))

    assert set(schema["required"]) <= told.keys() <= schema["properties"].keys()
    assert [topic(fact)] == schema["properties"]["type"]["enum"]


async def test_the_sketch_of_a_bridge_forwards_every_fact_under_its_topic(
    own_valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FastStream is no dependency: a broker that can publish stands in for its own."""
    sent: list[tuple[str, bytes | None, Event]] = []

    class Broker:
        def __init__(self, address: str) -> None:
            assert "kafka:9092" == address

        async def __aenter__(self) -> Self:
            return self

        async def __aexit__(self, *_: object) -> None:
            pass

        async def publish(self, body: bytes, *, topic: str, key: bytes | None) -> None:
            sent.append((topic, key, msgspec.json.decode(body, type=Event)))

    module = ModuleType("faststream.kafka")
    module.KafkaBroker = Broker  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "faststream", ModuleType("faststream"))
    monkeypatch.setitem(sys.modules, "faststream.kafka", module)
    url = own_valkey_url
    monkeypatch.setenv("ECHOTUNE_EVENTS_REDIS_URL", url)
    monkeypatch.setenv("KAFKA", "kafka:9092")
    (source,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    sketch: dict[str, Any] = {"__name__": "sketch"}
    exec(compile(source, str(PAGE), "exec"), sketch)  # noqa: S102 - the page's own code
    stream = RedisStream(url)
    listened, updated = ListenStored([Listen(user_id="ada", track_id="t1")]), UserUpdated("bob", 2)
    await stream.publish([listened, updated])

    bridge = asyncio.ensure_future(sketch["forward"]())
    async with asyncio.timeout(10):
        while len(sent) < 2:  # noqa: ASYNC110 - a test polls
            await asyncio.sleep(0.01)
    bridge.cancel()
    await asyncio.gather(bridge, return_exceptions=True)
    assert [
        ("user.listening.tracked", b"ada", listened),
        ("user.updated", b"bob", updated),
    ] == sent
    assert 0 == (await stream.lags())["kafka"].owned
    await stream.close()
