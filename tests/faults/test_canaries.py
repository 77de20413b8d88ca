"""What a server writes and tells while people with secrets use it, and while it fails.

Bar 28: keys, tokens, passwords and mail that nobody else has are sent in every way there is, and
none of them may be in what the server wrote or in /metrics. The control leaves the redaction out.
"""

from pathlib import Path

import httpx
import pytest

from tests import canaries
from tests.faults.serving import Service, fill
from tests.servers import HOST

NOBODYS = 1  # a port on which nothing listens

FAILS = """
import os, sys
from service import logs
from service.recommend.similar import SimilarTracks

async def encoded(*_, **__):
    raise RuntimeError(os.environ["FAULTS_SAID"])

SimilarTracks.encoded = encoded
if os.environ.get("FAULTS_WITHOUT") == "redaction":
    logs.redacted = logs.strike_out = lambda _logger, _level, line: line
from service.cli import main
sys.exit(main())
"""
SAID = (
    f"{canaries.KEY} sent {canaries.TOKEN} of {canaries.MAIL},"
    f" mongodb://somebody:{canaries.PASSWORD}@h/db does not answer"
)
HEADERS = (
    {"authorization": f"Bearer {canaries.TOKEN}"},
    {"authorization": f"Token {canaries.KEY}", "x-request-id": canaries.MAIL},
    {"x-api-key": canaries.KEY, "cookie": f"session={canaries.TOKEN}"},
)


class Failing(Service):
    """A server of which one route fails, with all secrets in the text of the exception."""

    command = ("-c", FAILS)


def use(service: Service) -> dict[str, int]:
    """Ask well and badly, as somebody whose name is their mail; what came of each."""
    me, track = f"/v1/users/{canaries.MAIL}", service.get("/v1/trending")["trending"][0]
    listen = {
        "user_id": canaries.MAIL,
        "track_id": track["track"]["id"],
        "action": "play",
        "at": "2026-01-01T00:00:00Z",
    }
    asked: list[tuple[str, str, object]] = [
        ("POST", "/v1/listens", listen),
        ("POST", "/v1/listens", {**listen, "password": canaries.PASSWORD}),
        ("GET", f"{me}/recommendations", None),
        ("GET", f"{me}/profile?token={canaries.TOKEN}", None),
        ("GET", f"{me}/{canaries.KEY}", None),
        ("GET", f"/v1/tracks/{track['track']['id']}/similar?user={canaries.MAIL}", None),
        ("DELETE", me, None),
    ]
    return {
        f"{method} {path} {body} {headers}": httpx.request(
            method, service.url + path, json=body, headers=headers, timeout=20
        ).status_code
        for headers in HEADERS
        for method, path, body in asked
    }


@pytest.mark.parametrize("without", ["", "redaction"])
def test_nothing_that_a_server_writes_tells_a_secret(
    kernels: Path, tmp_path: Path, without: str
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "kernels").symlink_to(kernels)
    env = {
        "ECHOTUNE_REDIS_URL": f"redis://somebody:{canaries.PASSWORD}@{HOST}:{NOBODYS}/0",
        "FAULTS_SAID": SAID,
        "FAULTS_WITHOUT": without,
    }
    with Failing(data, env=env) as service:
        fill(service)
        statuses = use(service)
        told = httpx.get(f"{service.url}/metrics", timeout=10).text

    assert {200, 202, 400, 404, 500} <= set(statuses.values()), list(statuses.values())
    assert "RuntimeError" in service.log
    assert set() == canaries.told(told)
    if without:  # the control
        assert {canaries.KEY, canaries.MAIL, canaries.PASSWORD} <= canaries.told(service.log)
    else:
        assert set() == canaries.told(service.log)
