"""Assignments as OpenFeature sees them: its stock Python provider asks a real server."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode

from tests.faults.serving import Service
from tests.flows.test_experiments import DRAFT

PATH = "/ofrep/v1/evaluate/flags"


@pytest.fixture(scope="module")
def server(tmp_path_factory, kernels: Path) -> Iterator[str]:
    """A server process with an experiment that runs and one that does not."""
    data: Path = tmp_path_factory.mktemp("ofrep") / "data"
    data.mkdir()
    (data / "kernels").symlink_to(kernels)
    service = Service(data)
    service.start()
    try:
        for name in ("more-new", "later"):
            assert 201 == service.post("/v1/experiments", DRAFT | {"name": name}).status_code
        grown = {"allocation": 0.5, "overrides": {"tester": "new"}}
        path = "/v1/experiments/more-new"
        assert 200 == httpx.patch(service.url + path, json=grown, timeout=10).status_code
        assert 200 == service.post(f"{path}/start", None).status_code
        yield service.url
    finally:
        service.stop()


def test_the_stock_provider_reads_the_variant(server: str) -> None:
    api.set_provider(OFREPProvider(server))
    try:
        client = api.get_client()
        seen: dict[str, set[str]] = {}
        for number in range(60):
            user = f"user{number}"
            found = client.get_string_details("more-new", "outside", EvaluationContext(user))
            assigned = httpx.get(f"{server}/v1/users/{user}/assignments").json()["assignments"]
            assert assigned.get("more-new", "outside") == found.value
            assert found.error_code is None, found
            seen.setdefault(str(found.reason), set()).add(found.value)
        tester = client.get_string_details("more-new", "outside", EvaluationContext("tester"))
        later = client.get_string_details("later", "outside", EvaluationContext("tester"))
        unknown = client.get_string_details("nobody", "outside", EvaluationContext("tester"))
        keyless = client.get_string_details("more-new", "outside")
    finally:
        api.shutdown()

    assert {"SPLIT": {"control", "new"}, "DEFAULT": {"outside"}} == seen
    assert ("new", "new") == (tester.value, tester.variant)
    assert {"experiment": "more-new", "strategies": "trending"} == dict(tester.flag_metadata)
    assert ("outside", "DISABLED") == (later.value, later.reason)
    assert ("outside", ErrorCode.FLAG_NOT_FOUND) == (unknown.value, unknown.error_code)
    assert ("outside", ErrorCode.TARGETING_KEY_MISSING) == (keyless.value, keyless.error_code)


def test_all_flags_come_with_a_tag_that_holds(server: str) -> None:
    asked = {"context": {"targetingKey": "tester"}}
    first = httpx.post(server + PATH, json=asked)
    again = httpx.post(server + PATH, json=asked, headers={"If-None-Match": first.headers["etag"]})
    other = httpx.post(server + PATH, json=asked, headers={"If-None-Match": '"another"'})

    assert ["more-new"] == [flag["key"] for flag in first.json()["flags"]]
    assert "new" == first.json()["flags"][0]["value"]
    assert (304, b"") == (again.status_code, again.content)
    assert first.json() == other.json()


@pytest.mark.parametrize(
    "body, code",
    [
        (b"{", "PARSE_ERROR"),
        (b'{"context": 1}', "PARSE_ERROR"),
        (b"[" * 30_000, "PARSE_ERROR"),
        (b"{}", "TARGETING_KEY_MISSING"),
        (b'{"context": {"targetingKey": 7}}', "INVALID_CONTEXT"),
        (b'{"context": {"targetingKey": "not an id"}}', "INVALID_CONTEXT"),
    ],
)
@pytest.mark.parametrize("flag", ["", "/more-new"])
def test_what_cannot_be_read_is_refused_in_the_protocols_words(server, flag, body, code) -> None:
    answer = httpx.post(server + PATH + flag, content=body)

    assert (400, code) == (answer.status_code, answer.json()["errorCode"])
    assert answer.json()["errorDetails"]
    assert ("key" in answer.json()) == bool(flag)
