"""Bytes that no HTTP library would send, to the real server: refused, and nobody falls over."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.serving import Service
from tests.servers import HOST

PATIENCE_S = 10.0
PROBLEM = b"application/problem+json"
LISTENS_BYTES = 2_000_000


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, kernels: Path) -> Iterator[Service]:
    data = tmp_path_factory.mktemp("raw") / "data"
    data.mkdir()
    (data / "kernels").symlink_to(kernels)
    with Service(data) as started:
        yield started


@pytest.fixture(autouse=True)
def unharmed(service: Service) -> Iterator[None]:
    """After every test the same worker answers, and nothing was stored."""
    workers = service.workers()
    yield
    assert workers == service.workers()
    assert "0 tracks" == service.get("/health/ready")["checks"]["catalogue"]
    assert "unexpected error" not in service.log
    assert "Traceback" not in service.log


def send(service: Service, *parts: bytes, half_close: bool = False) -> bytes:
    """Everything the server says until it closes; what it no longer wants is not sent."""
    with socket.create_connection((HOST, service.port), timeout=PATIENCE_S) as line:
        try:
            for part in parts:
                line.sendall(part)
            if half_close:
                line.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has answered and hung up
        return _read(line)


def _read(line: socket.socket) -> bytes:
    said = b""
    try:
        while part := line.recv(65_536):
            said += part
    except OSError:
        pass  # a reset after the answer is an answer
    return said


def head(line: str, *headers: str) -> bytes:
    return "\r\n".join([line, "Host: x", "Connection: close", *headers, "", ""]).encode("latin-1")


def status(said: bytes) -> int:
    assert said.startswith(b"HTTP/1."), said[:200]
    return int(said.split()[1])


def assert_problem(said: bytes, *statuses: int) -> None:
    top, _, body = said.partition(b"\r\n\r\n")
    assert status(said) in statuses, said[:500]
    assert PROBLEM in top
    assert {"title", "status", "detail", "instance"} <= json.loads(body).keys()


@pytest.mark.parametrize(
    "target",
    [
        *("/v1/users/%00/profile", "/v1/users/a%0a/profile", "/v1/users/%ff/profile"),
        *("/v1/users/%ed%a0%80/profile", "/v1/users/..%2f..%2fetc%2fpasswd/profile"),
        *("/v1/users/%/profile", "/v1/users/%zz/profile", "/v1/tracks/%00", "/v1/tracks/%ff"),
        *("/v1/users/a%0d%0aX-Evil:1/profile", "/%ff", "/%00", "/../../etc/passwd", "/./x"),
        *("/schema/assets/../../__init__.py", "/schema/assets/%2e%2e/%2e%2e/x", "//", "/%2f"),
        *("/v1/jobs/%00", "/v1/trending?limit=%ff", "/v1/trending?%00", "/v1/trending?limit=%"),
        "/v1/trending?limit=" + "9" * 20_000,
    ],
)
def test_targets(service: Service, target: str) -> None:
    said = send(service, head(f"GET {target} HTTP/1.1"))

    assert_problem(said, 400, 404)
    assert b"x-evil" not in said.partition(b"\r\n\r\n")[0].lower()


@pytest.mark.parametrize("version", ["..%2f..", "%2e%2e", "%2fetc", "%00", "a%0a", "%ff", "."])
def test_model_versions_that_are_paths(service: Service, version: str) -> None:
    said = send(service, head(f"POST /v1/models/{version}/activate HTTP/1.1", "Content-Length: 0"))

    assert_problem(said, 404, 405)


@pytest.mark.parametrize(
    "raw",
    [
        b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # somebody speaks TLS
        b"GET\r\n\r\n",
        b"GET /v1/trending HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET /v1/\xff\xfe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /v1/a b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"POST /v1/listens HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n{}",
        b"POST /v1/listens HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n{}",
        b"POST /v1/listens HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"POST /v1/listens HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + b"A: b\r\n" * 2_000 + b"\r\n",
    ],
    ids=range(12),
)
def test_what_is_hardly_http(service: Service, raw: bytes) -> None:
    """The server may hang up without a word; if it answers, then with a 4xx."""
    said = send(service, raw, half_close=True)

    if said:
        assert 400 <= status(said) < 500, said[:300]


def chunked(*chunks: bytes) -> list[bytes]:
    return [b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks]


@pytest.mark.parametrize("path", ["/v1/listens", "/v1/feedback"])
def test_a_chunked_body_over_the_limit(service: Service, path: str) -> None:
    """Without a length the bytes are counted as they come."""
    chunks = chunked(*[b" " * 50_000] * (LISTENS_BYTES // 50_000 + 2))

    said = send(service, head(f"POST {path} HTTP/1.1", "Transfer-Encoding: chunked"), *chunks)

    if said:  # a server that hangs up on a flood in mid-air may drop its answer
        assert_problem(said, 413)


def test_an_announced_flood_is_refused_before_it_is_read(service: Service) -> None:
    said = send(service, head("POST /v1/listens HTTP/1.1", "Content-Length: 99999999999"), b"[")

    assert_problem(said, 413)


@pytest.mark.parametrize("length", ["Content-Length: 100", "Transfer-Encoding: chunked"])
def test_a_body_that_ends_too_early(service: Service, length: str) -> None:
    """The client is gone, nothing is stored, and the log does not call it a bug."""
    top = head("POST /v1/listens HTTP/1.1", length)
    said = send(service, top, b'5\r\n{"use', half_close=True)

    assert_problem(said, 400)


def test_a_flood_of_bodies_nobody_reads(service: Service) -> None:
    """Routes that take no body leave it where it is."""
    for line in ("GET /v1/trending", "GET /health/live"):
        said = send(service, head(f"{line} HTTP/1.1", "Content-Length: 1000000"), b"x" * 1_000_000)

        if said:
            assert 200 == status(said)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_nothing_is_hidden_behind_a_request_with_two_lengths(
    service: Service, order: tuple[int, int]
) -> None:
    """A proxy that goes by the other one would let the second request pass unseen."""
    lengths = (b"content-length: 60\r\n", b"transfer-encoding: chunked\r\n")
    said = send(
        service,
        b"POST /v1/listens HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n",
        lengths[order[0]] + lengths[order[1]] + b"\r\n2\r\n[]\r\n0\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n",
    )

    assert 1 == said.count(b"HTTP/1.1 "), said
    assert b"connection: close" in said


def test_a_request_to_no_host_is_refused(service: Service) -> None:
    said = send(service, b"GET /v1/users/u1/recommendations HTTP/1.1\r\n\r\n")

    assert said.startswith(b"HTTP/1.1 400"), said
    assert PROBLEM in said


def test_a_body_that_does_not_come_is_given_up_after_five_seconds(service: Service) -> None:
    said = send(
        service,
        b"POST /v1/listens HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        b"content-length: 100\r\n\r\n[",
    )

    assert said.startswith(b"HTTP/1.1 408"), said
    assert PROBLEM in said
