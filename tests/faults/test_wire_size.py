"""Bytes on the wire, headers and all, of the demo world on the real server.

Bars of phones: 20 tracks in 2.5 KB, a 304 in 250 bytes. The control is a client that takes no
coding: its answer is over the bar.
"""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.serving import ROOT, Service
from tests.faults.sizes import size
from tests.servers import HOST

LIST_BYTES = 2_500
UNCHANGED_BYTES = 250
CODINGS = ("br", "zstd", "gzip")
USERS = [f"u{number}" for number in range(1, size(30, 1_000) + 1)]
WORLD = {
    "--tracks": size(600, 6_000),
    "--listeners": size(60, 2_000),
    "--listens": size(6_000, 200_000),
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, kernels: Path) -> Iterator[Service]:
    data = tmp_path_factory.mktemp("wire") / "data"
    data.mkdir()
    (data / "kernels").symlink_to(kernels)
    options = [str(word) for option in WORLD.items() for word in option]
    for words in (["demo", *options], ["train"]):
        subprocess.run(
            [sys.executable, "-P", "-m", "service", *words],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "ECHOTUNE_DATA_DIR": str(data)},
            check=True,
            capture_output=True,
        )
    with Service(data) as started:
        yield started


def ask(service: Service, user: str, *headers: str, fields: str = "") -> bytes:
    """Everything the server sends in answer, as a phone's radio would count it."""
    target = f"/v1/users/{user}/recommendations?limit=20&fields={fields}"
    lines = [f"GET {target} HTTP/1.1", "Host: x", *headers]
    request = "\r\n".join([*lines, "Connection: close", "", ""])
    with socket.create_connection((HOST, service.port), timeout=10) as line:
        line.sendall(request.encode())
        said = b""
        while part := line.recv(65_536):
            said += part
    return said


@pytest.mark.parametrize("coding", [*CODINGS, "gzip, deflate, br"])
@pytest.mark.parametrize("media", ["application/json", "application/msgpack"])
def test_twenty_tracks(service: Service, media: str, coding: str) -> None:
    wishes = (f"Accept: {media}", f"Accept-Encoding: {coding}")
    sizes = {user: len(ask(service, user, *wishes)) for user in USERS}
    largest = max(sizes, key=sizes.__getitem__)

    assert sizes[largest] <= LIST_BYTES, largest


def test_control_plain_json_is_over_the_bar(service: Service) -> None:
    assert all(len(ask(service, user)) > LIST_BYTES for user in USERS)


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("fields", ["", "track.id,score"])
def test_a_list_the_phone_has(service: Service, coding: str, fields: str) -> None:
    """The longest ETag there is, the one of MessagePack with `fields`, included."""
    wishes = ("Accept: application/msgpack", f"Accept-Encoding: {coding}")
    etag = re.search(rb'etag: ("[^"]+")', ask(service, "u1", *wishes, fields=fields))
    assert etag
    known = f"If-None-Match: {etag[1].decode()}"
    unchanged = ask(service, "u1", *wishes, known, fields=fields)

    assert unchanged.startswith(b"HTTP/1.1 304 ")
    assert unchanged.endswith(b"\r\n\r\n")
    assert len(unchanged) <= UNCHANGED_BYTES, unchanged
