"""Spans of a request, from the door to the learner, as a collector of OpenTelemetry gets them."""

import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import anyio
import httpx
import msgspec
import pytest
from litestar.testing import AsyncTestClient
from prometheus_client import REGISTRY

from service import spans
from service.app import create_app, with_doors
from service.errors import Invalid
from service.settings import Settings
from tests import worlds
from tests.flows.conftest import fit
from tests.otlp import Collector, collector
from tests.servers import HOST

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
LISTS = "/v1/users/jazz-u0/recommendations"
ROUTE = "GET /v1/users/*/recommendations"


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with collector() as found:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", found.url)
        yield found


def heard() -> float:
    """Events that were learned from in this process."""
    labels = {"group": "learner", "outcome": "done"}
    return REGISTRY.get_sample_value("echotune_events_total", labels) or 0.0


async def until(true: Callable[[], object]) -> None:
    """Return once it is."""
    with anyio.fail_after(20):
        while not true():  # noqa: ASYNC110 - counters tell nobody that they have changed
            await anyio.sleep(0.02)


@asynccontextmanager
async def served(folder: Path, **more: object) -> AsyncIterator[httpx.AsyncClient]:
    """The whole service with all that stands before it; its spans are sent when this closes."""
    settings = Settings(
        data_dir=str(folder),
        strategy_timeout_ms=5_000,
        store_timeout_ms=5_000,
        request_timeout_ms=20_000,
        probe_every_s=0,
        **{"tracing": "on", **more},  # type: ignore[arg-type]
    )
    app = create_app(settings)
    async with (
        AsyncTestClient(app) as within,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(with_doors(app, settings)), base_url="http://door"
        ) as client,
    ):
        encode = msgspec.json.encode
        assert 200 == (await client.put("/v1/tracks", content=encode(worlds.tracks()))).status_code
        posted = await client.post("/v1/listens", content=encode(worlds.listens()))
        assert 202 == posted.status_code
        await fit(within)
        yield client


async def test_a_list_is_a_trace_from_the_door_to_each_strategy(
    tmp_path: Path, collected: Collector
) -> None:
    async with served(tmp_path) as client:
        assert 200 == (await client.get(LISTS, headers=SAMPLED)).status_code

    mine = {one.id: one for one in collected.spans if one.trace == TRACE}
    ways = {
        (one.name, mine[one.parent].name if one.parent in mine else one.parent)
        for one in mine.values()
    }
    assert {
        (ROUTE, CALLER),
        ("cache", ROUTE),
        ("store.read", "cache"),
        ("recommend", "cache"),
        ("strategy", "recommend"),
    } == ways
    asked = {one.attributes["strategy"] for one in mine.values() if one.name == "strategy"}
    assert {"collaborative", "content", "trending"} <= asked
    assert {"echotune"} == {one.service for one in mine.values()}
    (door,) = (one for one in mine.values() if one.name == ROUTE)
    assert {
        "http.request.method": "GET",
        "http.route": "/v1/users/*/recommendations",
        "http.response.status_code": "200",
    } == door.attributes


async def test_a_kept_list_is_one_span(tmp_path: Path, collected: Collector) -> None:
    async with served(tmp_path) as client:
        await client.get(LISTS)
        assert "local" in (await client.get(LISTS, headers=SAMPLED)).headers["server-timing"]

    assert [ROUTE] == [one.name for one in collected.spans if one.trace == TRACE]


async def test_what_is_learned_belongs_to_the_request_that_told_it(
    tmp_path: Path, collected: Collector
) -> None:
    skip = {"id": "one", "user_id": "jazz-u0", "track_id": "jazz00", "action": "skip"}
    async with served(tmp_path) as client:
        before = heard()
        assert 202 == (await client.post("/v1/listens", json=skip, headers=SAMPLED)).status_code
        await until(lambda: heard() > before)

    (told,) = (one for one in collected.named("POST /v1/listens") if one.trace == TRACE)
    (learned,) = (one for one in collected.named("learn") if one.trace == TRACE)
    assert told.id == learned.parent


async def test_a_job_belongs_to_the_request_that_asked_for_it(
    tmp_path: Path, collected: Collector
) -> None:
    async with served(tmp_path) as client:
        asked = await client.post("/v1/users/jazz-u0/recommendations/jobs", headers=SAMPLED)
        assert 202 == asked.status_code
        done = {"kind": "precompute-user", "outcome": "done"}
        await until(lambda: REGISTRY.get_sample_value("echotune_jobs_total", done) or 0)

    (job,) = (one for one in collected.named("job") if one.trace == TRACE)
    assert {"kind": "precompute-user", "attempt": "1"} == job.attributes


async def test_a_strategy_service_is_told_the_trace(tmp_path: Path, collected: Collector) -> None:
    told: list[str | None] = []

    class Service(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            told.append(self.headers.get("traceparent"))
            self.send_response(200)
            self.send_header("content-length", "12")
            self.end_headers()
            self.wfile.write(b'{"parts":{}}')

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer((HOST, 0), Service) as other:
        Thread(target=other.serve_forever, daemon=True).start()
        where = f"content=http://{HOST}:{other.server_address[1]}"
        async with served(tmp_path, strategy_services=where) as client:
            assert 200 == (await client.get(LISTS, headers=SAMPLED)).status_code
        off = served(tmp_path / "off", strategy_services=where, tracing="off")
        async with off as client:
            assert 200 == (await client.get(LISTS, headers=SAMPLED)).status_code
        other.shutdown()

    (ours,) = (one for one in told if one is not None and TRACE in one)
    (asked,) = (
        one
        for one in collected.named("strategy")
        if one.trace == TRACE and one.attributes["strategy"] == "content"
    )
    assert f"00-{TRACE}-{asked.id}-01" == ours
    assert told[-1] is None  # the control: off, nothing is told


async def test_a_caller_that_samples_nothing_costs_no_span(
    tmp_path: Path, collected: Collector
) -> None:
    unsampled = {"traceparent": f"00-{TRACE}-{CALLER}-00"}
    async with served(tmp_path) as client:
        await client.get(LISTS, headers=unsampled)

    assert [] == [one for one in collected.spans if one.trace == TRACE]
    assert collected.spans  # those of others are there


@pytest.mark.parametrize("sent", ["", "nonsense", f"00-{'0' * 32}-{CALLER}-01", "ÿ" * 55])
async def test_a_header_that_is_none_begins_a_trace(
    tmp_path: Path, collected: Collector, sent: str
) -> None:
    async with served(tmp_path) as client:
        headers = [(b"traceparent", sent.encode("latin-1"))]
        assert 200 == (await client.get(LISTS, headers=headers)).status_code

    (door,) = collected.named(ROUTE)
    assert ("", True) == (door.parent, bool(re.fullmatch("[0-9a-f]{32}", door.trace)))


async def test_no_span_names_a_user_or_a_track(tmp_path: Path, collected: Collector) -> None:
    async with served(tmp_path) as client:
        for path in (LISTS, "/v1/users/jazz-u0/profile", "/v1/tracks/jazz00", "/nowhere/jazz-u0"):
            await client.get(path)

    text = json.dumps(msgspec.to_builtins(collected.spans))
    assert "/v1/users/*/profile" in text
    assert "jazz" not in text


async def test_a_collector_that_is_away_harms_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://{HOST}:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    async with served(tmp_path) as client:
        assert 200 == (await client.get(LISTS)).status_code


async def test_off_nothing_is_traced(tmp_path: Path, collected: Collector) -> None:
    async with served(tmp_path, tracing="off") as client:
        assert 200 == (await client.get(LISTS, headers=SAMPLED)).status_code

    assert [] == collected.spans


def test_off_nothing_that_traces_is_imported() -> None:
    """redis-py imports OpenTelemetry's metrics by itself where they are installed."""
    wanted = ["opentelemetry.sdk.trace", "opentelemetry.exporter.otlp"]
    code = f"import sys, service.app; print([one for one in {wanted} if one in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)

    assert b"[]\n" == done.stdout


def test_without_the_extra_the_start_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)

    with pytest.raises(Invalid, match=r"pip install 'echotune\[tracing\]'"), spans.traced(on=True):
        pass


async def test_the_operator_names_the_service(
    tmp_path: Path, collected: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "echotune-eu")
    async with served(tmp_path) as client:
        await client.get(LISTS)

    assert {"echotune-eu"} == {one.service for one in collected.spans}
