"""What a log line says of its request, and what it keeps to itself."""

import json
import sys
from collections.abc import Iterator
from io import StringIO

import pytest
import structlog

from service import request_id
from service.logs import configure_logs

KEY = "et_abc123XYZ_" + "s" * 43


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[StringIO]:
    written = StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    configure_logs("info")
    yield written
    structlog.reset_defaults()


def said(lines: StringIO) -> dict[str, object]:
    (line,) = lines.getvalue().splitlines()
    found: dict[str, object] = json.loads(line)
    return found


def test_a_line_names_the_request_that_the_client_named(lines: StringIO):
    token = request_id.SENT.set("req-7")
    try:
        structlog.get_logger().info("a list is late", strategy="content")
    finally:
        request_id.SENT.reset(token)

    assert ("req-7", "content") == (said(lines)["request_id"], said(lines)["strategy"])


def test_a_line_outside_of_requests_names_none(lines: StringIO):
    structlog.get_logger().info("learner learns")

    assert {"event", "level", "timestamp"} == said(lines).keys()


@pytest.mark.parametrize(
    "given",
    [
        {"url": "redis://operator:hunter2@cache:6379/0"},
        {"reason": "no answer from mongodb://operator:hunter2@db/echotune"},
        {"reason": "refused: Bearer hunter2hunter2"},
        {"reason": "refused: Authorization: Basic hunter2hunter2=="},
        {"token": "hunter2"},
        {"client_secret": "hunter2"},
        {"headers": {"X-API-Key": "hunter2", "authorization": ["hunter2"]}},
        {"tried": ["redis://:hunter2@cache", "redis://cache"]},
        {"error": ValueError("redis://:hunter2@cache")},
    ],
)
def test_no_secret_is_written(lines: StringIO, given):
    structlog.get_logger().warning("it fails", **given)

    assert "hunter2" not in lines.getvalue()
    assert "***" in lines.getvalue()


def test_a_key_is_struck_out_wherever_it_stands(lines: StringIO):
    structlog.get_logger().warning(f"who sent {KEY}?", said=f"X-API-Key: {KEY}")

    assert "sss" not in lines.getvalue()
    assert "who sent ***?" == said(lines)["event"]


def test_the_text_of_an_exception_is_looked_at_as_well(lines: StringIO):
    error = ConnectionError("redis://:hunter2@cache does not answer")
    structlog.get_logger().error("it fails", exc_info=error)

    assert "hunter2" not in lines.getvalue()
    assert "redis://***cache does not answer" in str(said(lines)["exception"])


def test_control_what_is_no_secret_is_written_as_it_is(lines: StringIO):
    structlog.get_logger().info("at hand", url="http://content:8000/v1", count=3, names=["ada"])

    assert ("http://content:8000/v1", 3, ["ada"]) == (
        said(lines)["url"],
        said(lines)["count"],
        said(lines)["names"],
    )
