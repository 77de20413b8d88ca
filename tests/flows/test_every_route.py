"""Schemathesis reads what is described and asks every route for it, and for what it rules out.

What comes back has to be described as well, and what is refused changes nothing that is stored.
"""

import base64
import hashlib
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from litestar.routes import HTTPRoute
from schemathesis.checks import CHECKS
from schemathesis.specs.openapi import checks as described

from service.access.keys import make_key
from service.app import create_app, with_doors
from service.settings import Settings
from tests import worlds
from tests.faults.sizes import say
from tests.flows import described_doors as doors
from tests.flows.fuzzing import CHECKED, COUNTS, IGNORED, Fuzz, Watched, fuzzed, with_examples
from tests.flows.guarded import EVERYTHING
from tests.flows.hostile import EXPERIMENT, ROUTES

ENDLESS = "GET /v1/users/{user_id}/updates"
"""Tells of events for as long as somebody listens: tests/service/api/test_updates.py"""
IN_PARTS = {"POST /v1/listens", "PUT /v1/tracks"}
"""What is wrong with one of many is said in an answer that takes the others."""
# Whoever erases does so last: it goes on after the answer, and changes how much is stored.
NAMES = sorted(ROUTES.keys() - {ENDLESS}, key=lambda name: (name.startswith("DELETE"), name))
AT_DOORS = [*doors.LISTENBRAINZ, *doors.SPOTIFY, *doors.audioscrobbler("")]
LENIENT = (
    described.negative_data_rejection,  # they ignore what they do not know, as the originals do
    described.allow_header_conformance,  # OPTIONS is answered for browsers, by CORS
)


class Opened:
    """A running service, and whoever may do everything there."""

    def __init__(self, app: Any, fuzz: Fuzz, token: str) -> None:
        self.app, self.fuzz = app, fuzz
        self.own = {"Authorization": f"Bearer {token}"} if token else {}
        self.player = {"Authorization": f"Token {doors.TOKEN}"}

    def fill(self) -> None:
        """The small world, and a model of it."""
        for method, url, body, status in (
            ("PUT", "/v1/tracks", worlds.tracks(), 200),
            ("POST", "/v1/listens", worlds.listens(), 202),
            ("POST", "/v1/experiments", EXPERIMENT, 201),
            ("POST", "/v1/models", None, 202),
        ):
            done = self._send(method, url, data=msgspec.json.encode(body), headers=self.own)
            assert status == done.status_code, done.text
        url = f"/v1/jobs/{done.json()['job_id']}"
        while (job := self._send("GET", url, headers=self.own).json())["status"] != "done":
            assert job["status"] in ("queued", "running"), job
            time.sleep(0.02)

    def read(self) -> None:
        """What is described, once whoever asks at other doors has been let in."""
        pair = base64.b64encode(doors.CLIENT.encode()).decode()
        self.client = {"Authorization": f"Basic {pair}"}
        form = {"grant_type": "client_credentials"}
        token = self._send("POST", "/spotify/api/token", data=form, headers=self.client).json()
        self.bearer = {"Authorization": f"Bearer {token['access_token']}"}
        at = str(int(time.time()))
        auth = hashlib.md5((hashlib.md5(doors.TOKEN.encode()).hexdigest() + at).encode())  # noqa: S324
        hand = {"hs": "true", "p": "1.2.1", "u": doors.USER, "t": at, "a": auth.hexdigest()}
        session = self._send("GET", "/", params=hand).text.splitlines()[1]
        own = with_examples(self.app.openapi_schema.to_schema())
        self.operations = self.fuzz.operations(own)
        made = f"/1/user/{doors.USER}/playlists/createdfor"
        lists = self._send("GET", made, headers=self.player).json()["playlists"]
        track = self._send("GET", "/spotify/v1/tracks/jazz00", headers=self.bearer).json()
        self.at_doors = self.fuzz.operations(
            doors.described(
                session,
                playlist_id=lists[0]["playlist"]["identifier"].rpartition("/")[2],
                artist_id=track["artists"][0]["id"],
            )
        )

    def at_door(self, name: str) -> dict[str, str]:
        """How to introduce oneself."""
        if name in doors.LISTENBRAINZ:
            return self.player
        if name in doors.SPOTIFY:
            return self.bearer if "/v1/" in name else self.client
        return {}

    def _send(self, method: str, url: str, **more: Any) -> Any:
        return self.fuzz.client.request(method, url, **more)


@pytest.fixture(scope="module", params=["off", "on"])
def opened(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Opened]:
    """With and without keys."""
    folder = tmp_path_factory.mktemp(f"access-{request.param}")
    (folder / "tokens.json").write_text(json.dumps({doors.TOKEN: doors.USER}))
    (folder / "clients").write_text(doors.CLIENT)
    settings = Settings(
        data_dir=str(folder / "data"),
        access=request.param,
        audioscrobbler="on",
        listenbrainz_tokens=str(folder / "tokens.json"),
        spotify_credentials=str(folder / "clients"),
        user_listens_per_minute=0,
        probe_every_s=0,  # it listens, too
        request_timeout_ms=20_000,
        strategy_timeout_ms=5_000,
        store_timeout_ms=5_000,
    )
    app = create_app(settings)
    key, token = make_key("a test", EVERYTHING, now=datetime.now(UTC), per_s=0)

    async def stored() -> dict[str, int]:
        store = app.state.house.store
        return await store.counts() | {"experiments": len(await store.experiments())}

    async def let_in() -> None:
        await app.state.house.store.put_key(key)
        await app.state.house.gate.keyring.refresh()

    watched = Watched(with_doors(app, settings), {COUNTS: stored, "/let-in": let_in})
    with fuzzed(watched) as fuzz:
        fuzz.client.get("/let-in")
        one = Opened(app, fuzz, token if request.param == "on" else "")
        one.fill()
        one.read()
        yield one
        say(f"access {request.param}: {fuzz.asked} requests, {fuzz.sent_away} were told to wait")


def test_every_check_is_made_or_there_is_a_reason() -> None:
    assert {check.__name__ for check in CHECKED} | IGNORED.keys() == set(CHECKS.get_all_names())


def test_every_route_is_asked(opened: Opened) -> None:
    served = {
        f"{method} {route.path_format}"
        for route in opened.app.routes
        if isinstance(route, HTTPRoute) and not route.path.startswith("/schema")
        for method in route.methods - {"OPTIONS"}
    }

    assert served == {*NAMES, *AT_DOORS, ENDLESS}
    assert {*NAMES, ENDLESS} == opened.operations.keys()
    assert set(AT_DOORS) == opened.at_doors.keys()


@pytest.mark.parametrize("opened", ["on"], indirect=True)
@pytest.mark.parametrize("name", AT_DOORS)
def test_doors_of_others_answer_in_their_words(opened: Opened, name: str) -> None:
    """They ask for tokens of their own, whether or not ours needs a key."""
    answers = opened.fuzz.ask(opened.at_doors[name], headers=opened.at_door(name), but=LENIENT)

    assert any(status == 200 for status, _ in answers), answers[:3]


@pytest.mark.parametrize("name", NAMES)
def test_answers_are_as_described(opened: Opened, name: str) -> None:
    before = opened.fuzz.stored()

    answers = opened.fuzz.ask(
        opened.operations[name],
        headers=opened.own,
        but=(described.negative_data_rejection,) if name in IN_PARTS else (),
    )

    assert not any(status in (401, 403) for status, _ in answers)
    if name == "POST /v1/listens":
        taken = sum(json.loads(body)["accepted"] for status, body in answers if status == 202)
        assert taken > 0
        assert before["listens"] + taken == opened.fuzz.stored()["listens"]
