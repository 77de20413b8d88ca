"""The Spotify shape over HTTP: who may ask, what is refused and how, what never happens."""

import base64
import time
from pathlib import Path

import pytest
from litestar.testing import AsyncTestClient

from service.app import create_app
from service.doors.spotify import door
from service.doors.spotify.refusals import GrantRefused, Refused
from service.doors.spotify.tokens import LASTS_S, Tokens
from service.errors import Invalid
from service.settings import Settings
from tests.worlds import TASTES

BEARER = {"Authorization": "Bearer anything"}
API = "/spotify/v1"
PAIRS = {"us": "secret", "them": "other:secret"}


def basic(name: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def assert_failed(answer, status: int, message: str) -> None:
    assert {"error": {"status": status, "message": message}} == answer.json()
    assert status == answer.status_code
    assert "application/json" in answer.headers["content-type"]


async def test_a_fitted_model_and_a_world_of_tastes(world: AsyncTestClient) -> None:
    for taste in TASTES:
        url = f"{API}/recommendations?seed_tracks={taste}00,{taste}01&limit=8"
        first = await world.get(url, headers=BEARER)
        again = await world.get(url, headers=BEARER)
        titles = [track["name"] for track in first.json()["tracks"]]

        assert [f"{taste.title()} Song"] * 8 == [title.rpartition(" ")[0] for title in titles]
        assert first.content == again.content


@pytest.mark.parametrize(
    "path, status, message",
    [
        ("/recommendations", 400, "invalid request: 1 to 5 seeds in all are needed"),
        ("/recommendations?seed_genres=jazz&limit=101", 400, "invalid limit"),
        ("/recommendations?seed_genres=%ff", 400, "invalid request: the query string is no UTF-8"),
        ("/audio-features?ids=" + ",".join(["a"] * 101), 400, "Too many ids requested"),
        ("/audio-features", 400, "invalid request: ids are missing"),
        ("/tracks?ids=" + ",".join(["a"] * 51), 400, "Too many ids requested"),
        ("/artists?ids=a%00", 400, "invalid id"),
        ("/tracks/a%0a", 400, "invalid id"),
        ("/tracks/" + "x" * 22, 404, "Non existing id"),
        ("/artists/" + "x" * 22, 404, "Non existing id"),
        ("/audio-features/nobody", 404, "analysis not found"),
        ("/audio-analysis/jazz00", 404, "Service not found"),
        ("/", 404, "Service not found"),
        ("/tracks/a%2Fb", 404, "Service not found"),
    ],
)
async def test_refusals_have_spotifys_shape(client, path, status, message) -> None:
    assert_failed(await client.get(API + path, headers=BEARER), status, message)


async def test_other_methods_too(client: AsyncTestClient) -> None:
    assert_failed(await client.delete(f"{API}/tracks"), 405, "Method Not Allowed")
    refused = await client.get("/spotify/api/token")
    assert_failed(refused, 405, "Method Not Allowed")
    assert {"OPTIONS", "POST"} == set(refused.headers["allow"].split(", "))


async def test_a_browser_may_ask_how_a_token_is_asked_for(client: AsyncTestClient) -> None:
    """It was told 500: who may ask was looked up where nobody had said it."""
    assert 204 == (await client.options("/spotify/api/token")).status_code
    assert 401 == (await client.options(f"{API}/tracks")).status_code


async def test_without_a_token_nobody_is_answered(client: AsyncTestClient) -> None:
    for headers in ({}, {"Authorization": "Basic abc"}, {"Authorization": "Bearer "}):
        answer = await client.get(f"{API}/tracks/jazz00", headers=headers)
        assert_failed(answer, 401, "No token provided")


async def test_a_pool_that_is_empty_is_an_empty_list(world: AsyncTestClient) -> None:
    for query in ("seed_genres=polka", "seed_tracks=jazz00&min_key=0", "seed_artists=" + "x" * 22):
        answer = await world.get(f"{API}/recommendations?{query}", headers=BEARER)

        assert 200 == answer.status_code, answer.text
        assert [] == answer.json()["tracks"]
        assert 0 == answer.json()["seeds"][0]["afterFilteringSize"]


async def test_too_many_at_once_are_told_when_to_come_again(world, monkeypatch) -> None:
    monkeypatch.setattr(door, "MOST_AT_ONCE", 1)
    url, spotify = f"{API}/recommendations?seed_genres=jazz", world.app.state.house.spotify

    with spotify._place():
        busy = await world.get(url, headers=BEARER)
    free = await world.get(url, headers=BEARER)

    assert_failed(busy, 429, "API rate limit exceeded")
    assert "1" == busy.headers["retry-after"]
    assert 200 == free.status_code


async def test_a_store_that_is_away_is_said_to_be(world: AsyncTestClient) -> None:
    await world.app.state.house.store.close()

    answer = await world.get(f"{API}/tracks?ids=jazz00", headers=BEARER)

    assert (503, 503) == (answer.status_code, answer.json()["error"]["status"])
    assert int(answer.headers["retry-after"]) > 0


async def test_the_root_is_echotunes_own_unless_it_is_asked_for(client, tmp_path: Path) -> None:
    url = "/v1/audio-features?ids=a"
    assert 404 == (await client.get(url, headers=BEARER)).status_code
    settings = Settings(data_dir=str(tmp_path / "other"), spotify_root="on")
    async with AsyncTestClient(create_app(settings)) as rooted:
        assert {"audio_features": [None]} == (await rooted.get(url, headers=BEARER)).json()
        own = await rooted.get("/v1/tracks/nope", headers=BEARER)
        assert "/problems/unknown-track" == own.json()["type"]
        put = await rooted.put("/v1/tracks", json=[{"id": "a", "title": "b", "artist": "c"}])
        assert 1 == put.json()["stored"]


def test_a_token_is_for_who_has_the_secret_and_for_an_hour() -> None:
    now = [time.time()]
    tokens = Tokens(PAIRS, is_open=False, clock=lambda: now[0])
    token = tokens.grant(basic("them", "other:secret"), "client_credentials")
    bearer = f"Bearer {token.access_token}"

    tokens.check(bearer)
    Tokens(PAIRS, is_open=False).check(bearer)  # in another process
    assert ("Bearer", 3600) == (token.token_type, token.expires_in)
    with pytest.raises(Refused, match="Invalid access token"):
        Tokens({"us": "changed"}, is_open=False).check(bearer)
    for broken in (bearer[:-1], f"{bearer}A", "Bearer x", "Bearer é", "Bearer " + "A" * 900):
        with pytest.raises(Refused, match="Invalid access token") as refused:
            tokens.check(broken)
        assert 401 == refused.value.status
    now[0] += LASTS_S + 1
    with pytest.raises(Refused, match="The access token expired"):
        tokens.check(bearer)


@pytest.mark.parametrize(
    "authorization",
    [basic("us", "wrong"), basic("us", ""), basic("nobody", "secret"), "", "Basic é"],
)
def test_no_token_without_the_secret(authorization: str) -> None:
    tokens = Tokens(PAIRS, is_open=False)

    assert tokens.grant(basic("us", "secret"), "client_credentials")
    with pytest.raises(GrantRefused, match="Invalid client"):
        tokens.grant(authorization, "client_credentials")


async def test_the_token_endpoint_speaks_oauth(client: AsyncTestClient) -> None:
    form = {"grant_type": "client_credentials"}
    good = await client.post("/spotify/api/token", data=form, auth=("any", "pair"))
    bad = await client.post("/spotify/api/token", data=form)
    other = await client.post("/spotify/api/token", data={"grant_type": "x"}, auth=("a", "b"))

    assert {"access_token", "token_type", "expires_in"} == good.json().keys()
    assert (400, "invalid_client") == (bad.status_code, bad.json()["error"])
    assert (400, "unsupported_grant_type") == (other.status_code, other.json()["error"])
    assert "no-store" == bad.headers["cache-control"]


@pytest.mark.parametrize(
    "more",
    [{"host": "0.0.0.0"}, {"host": "127.0.0.1", "access": "on"}],  # noqa: S104 - nothing listens
)
async def test_beyond_this_machine_there_is_nothing_without_credentials(
    tmp_path: Path, more
) -> None:
    settings = Settings(data_dir=str(tmp_path), **more)
    async with AsyncTestClient(create_app(settings)) as client:
        answer = await client.get(f"{API}/tracks?ids=a", headers=BEARER)

        assert 401 == answer.status_code
        assert "ECHOTUNE_SPOTIFY_CREDENTIALS" in answer.json()["error"]["message"]


@pytest.mark.parametrize("text", ["", "# nobody\n", "us:secret\nhush-hush\n", "us:\n", None])
def test_credentials_that_are_none_stop_the_start_and_are_not_shown(tmp_path, text) -> None:
    file = tmp_path / "credentials"
    if text is not None:
        file.write_text(text)

    with pytest.raises(Invalid) as caught:
        create_app(Settings(data_dir=str(tmp_path), spotify_credentials=str(file)))

    assert "hush" not in str(caught.value)
    assert str(file) in str(caught.value)
