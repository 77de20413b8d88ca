"""An old player, unmodified: Debian's mpdscribble hands in what it kept while it was offline."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from msgspec import to_builtins

from tests import worlds
from tests.faults.serving import Service
from tests.servers import free_port

PROGRAM = shutil.which("mpdscribble")
WITHIN_S = 60.0
pytestmark = pytest.mark.skipif(
    PROGRAM is None, reason="mpdscribble is not on PATH (Debian: apt install mpdscribble)"
)
CONF = """
host = 127.0.0.1
port = {mpd}
verbose = 2
log = -
[echotune]
url = {url}/
username = alice
password = {password}
journal = {journal}
"""
JOURNAL = """a = Jazz Artist 3
t = Jazz Song 3
b = Nobody knows
n = 1
m =
l = 200
i = {at}
o = P

a = Nobody
t = Not in the catalogue
b =
n = 1
m =
l = 200
i = {at}
o = P

"""


@pytest.fixture
def service(data: Path) -> Iterator[Service]:
    service = Service(data, env={"ECHOTUNE_AUDIOSCROBBLER": "on"})
    service.start()
    try:
        assert 200 == service.put("/v1/tracks", to_builtins(worlds.tracks())).status_code
        yield service
    finally:
        service.stop()


def offline(folder: Path, service: Service, password: str) -> subprocess.Popen[bytes]:
    """The player with two plays in its journal, one of them of an unknown recording."""
    assert PROGRAM is not None
    folder.mkdir()
    journal, conf = folder / "journal", folder / "conf"
    journal.write_text(JOURNAL.format(at=int(time.time()) - 3600))
    conf.write_text(
        CONF.format(mpd=free_port(), url=service.url, password=password, journal=journal)
    )
    with (folder / "log").open("wb") as log:
        return subprocess.Popen([PROGRAM, "--no-daemon", "--conf", conf], stdout=log, stderr=log)


def said(folder: Path, service: Service, password: str, until: Callable[[], bool]) -> str:
    """What the player says until this comes true."""
    player = offline(folder, service, password)
    try:
        end = time.monotonic() + WITHIN_S
        while time.monotonic() < end and not until():
            assert player.poll() is None, (folder / "log").read_text()
            time.sleep(0.1)
    finally:
        player.terminate()
        player.wait(10)
    return (folder / "log").read_text()


def test_what_was_played_offline_is_handed_in(service: Service, tmp_path: Path) -> None:
    wrong, right = tmp_path / "wrong", tmp_path / "right"

    def is_refused() -> bool:
        return 'route="/",status="401"' in httpx.get(f"{service.url}/metrics").text

    refused = said(wrong, service, "guessed", is_refused)
    good = said(right, service, "alice", lambda: b"] OK" in (right / "log").read_bytes())
    found = service.get("/v1/users/alice/listens")["listens"]

    assert "handshake successful" not in refused
    assert is_refused()
    assert "saved 2 songs" in refused
    assert "handshake successful" in good
    assert "saved 0 songs" in good
    assert ["play", "play"] == [one["action"] for one in found]
    (new,) = {one["track_id"] for one in found} - {"jazz03"}
    assert "Not in the catalogue" == service.get(f"/v1/tracks/{new}")["title"]
