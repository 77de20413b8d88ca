"""Real players, unmodified: Mopidy's extension over TLS, and beets with our API and our zip."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest
from msgspec import structs, to_builtins

from tests import worlds
from tests.faults.serving import ROOT, Service
from tests.flows.test_listenbrainz_client import fit
from tests.flows.tls import Secure, tls

PLAYERS = Path(sys.prefix) / "players"
USER = "jazz-u0"
NOW = int(time.time())
ALBUM = "An Album"
pytestmark = pytest.mark.skipif(
    not PLAYERS.is_dir(), reason=f"{PLAYERS} is missing: `./dev test` installs the players"
)


def mbid(track_id: str) -> str:
    return str(uuid5(NAMESPACE_URL, track_id))


@pytest.fixture(scope="module")
def service(tmp_path_factory, kernels: Path) -> Iterator[Service]:
    """The small world with albums and MBIDs, and a model."""
    data: Path = tmp_path_factory.mktemp("players") / "data"
    data.mkdir()
    (data / "kernels").symlink_to(kernels)
    tracks = [
        structs.replace(one, album=ALBUM, aliases={"recording_mbid": mbid(one.id)})
        for one in worlds.tracks()
    ]
    with Service(data) as running:
        assert 200 == running.put("/v1/tracks", to_builtins(tracks)).status_code
        assert 202 == running.post("/v1/listens", to_builtins(worlds.listens())).status_code
        fit(running)
        yield running


@pytest.fixture(scope="module")
def secure(service: Service, tmp_path_factory) -> Iterator[Secure]:
    with tls(service.port, tmp_path_factory.mktemp("tls")) as front:
        yield front


def run(program: str, *words: str, given: object, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "ignore", str(Path(__file__).with_name(program)), *words]
    return subprocess.run(
        command,
        input=json.dumps(given),
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(PLAYERS), **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def asked(*words: str, given: object, **env: str) -> Any:
    ran = run(*words, given=given, **env)
    assert 0 == ran.returncode, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


def test_mopidy_feeds_it_and_finds_its_playlists_over_tls(service: Service, secure: Secure) -> None:
    heard = {one["track_id"] for one in service.get(f"/v1/users/{USER}/listens")["listens"]}
    played = {"track": "Jazz Song 3", "artist": "Jazz Artist 3", "release": ""}
    found = asked(
        "mopidy_client.py",
        *(secure.address, USER),
        given=[played, played | {"track": ""}],
        REQUESTS_CA_BUNDLE=str(secure.authority),
    )
    weekly, jams, daily = found
    newest = service.get(f"/v1/users/{USER}/listens", limit=1)["listens"][0]

    assert [
        f"{name} for {USER}" for name in ("Weekly Exploration", "Weekly Jams", "Daily Jams")
    ] == [one["name"].partition(",")[0] for one in found]
    known = {mbid(one.id) for one in worlds.tracks()}
    assert all(one["track_mbids"] and set(one["track_mbids"]) <= known for one in found)
    assert not set(weekly["track_mbids"]) & set(map(mbid, heard))
    assert set(jams["track_mbids"]) <= {mbid(one) for one in heard | {"jazz03"}}
    assert daily["last_modified"] >= jams["last_modified"] > NOW - 8 * 86_400
    assert ("jazz03", "play") == (newest["track_id"], newest["action"])


def test_mopidy_trusts_no_authority_that_it_was_not_told_of(secure: Secure) -> None:
    """The control: it is TLS that carries the others."""
    ran = run("mopidy_client.py", secure.address, USER, given=[])

    assert 0 != ran.returncode
    assert "CERTIFICATE_VERIFY_FAILED" in ran.stderr


def test_mopidy_is_told_that_its_token_is_none(service: Service, secure: Secure) -> None:
    env = {"REQUESTS_CA_BUNDLE": str(secure.authority)}
    ran = run("mopidy_client.py", secure.address, "no such user!", given=[], **env)

    assert "is not valid" in ran.stderr


@pytest.fixture
def beets(tmp_path: Path) -> dict[str, str]:
    """The settings of beets, and what tells it where they are."""
    settings = {
        "plugins": ["listenbrainz"],
        "library": str(tmp_path / "library.db"),
        "directory": str(tmp_path),
        "threaded": False,
        "listenbrainz": {"token": USER, "username": USER},
    }
    (tmp_path / "config.yaml").write_text(json.dumps(settings))
    return {"BEETSDIR": str(tmp_path), "HOME": str(tmp_path)}


LIBRARY = [
    {"title": "As It Is Tagged", "artist": "Other Names", "mb_trackid": mbid("jazz00")},
    {"title": "Jazz Song 1", "artist": "Jazz Artist 1", "album": ALBUM},
    {"title": "Metal Song 0", "artist": "Metal Artist 0", "album": ALBUM},
]


def plays(service: Service) -> dict[str, int]:
    listens = service.get(f"/v1/users/{USER}/listens", limit=100)["listens"]
    of = [one["track_id"] for one in listens if one["action"] == "play"]
    return {track_id: of.count(track_id) for track_id in of}


def replay(service: Service) -> None:
    """More plays than a page of beets holds, some seconds apart, and another track twice."""
    tracks = ["jazz00"] * 1_100 + ["jazz01"] * 2
    listens = [
        {"user_id": USER, "track_id": one, "id": f"more-{n}", "at": f"{1_700_000_000 + 10 * n}"}
        for n, one in enumerate(tracks)
    ]
    for one in listens:
        one["at"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(one["at"])))
    for start in range(0, len(listens), 1_000):
        assert 202 == service.post("/v1/listens", listens[start : start + 1_000]).status_code


def test_beets_counts_plays_by_our_api_and_by_our_zip(service, beets, tmp_path: Path) -> None:
    before = plays(service)
    replay(service)
    expected = {
        "As It Is Tagged": before.get("jazz00", 0) + 1_100,
        "Jazz Song 1": before.get("jazz01", 0) + 2,
        "Metal Song 0": None,
    }
    by_api = asked("beets_client.py", f"{service.url}/1/", given=LIBRARY, **beets)
    zipped = tmp_path / "history.zip"
    exported = subprocess.run(
        [sys.executable, "-P", "-m", "service", "export", "listenbrainz", USER, str(zipped)],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "ECHOTUNE_DATA_DIR": str(service.data)},
        capture_output=True,
        text=True,
        check=False,
    )
    (tmp_path / "library.db").unlink()
    by_zip = asked("beets_client.py", "-", "-f", str(zipped), given=LIBRARY, **beets)

    assert 0 == exported.returncode, exported.stderr
    assert expected == by_api["plays"]
    assert expected == by_zip["plays"]
    assert ["Exploration", "Jams"] == [one["type"] for one in by_api["playlists"]]
