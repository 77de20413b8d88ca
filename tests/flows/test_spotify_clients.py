"""Unmodified clients of Spotify's API ask a real server: one or two lines say where it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
import spotipy
import tekore
from msgspec import structs, to_builtins
from spotipy.cache_handler import MemoryCacheHandler
from spotipy.oauth2 import SpotifyClientCredentials, SpotifyOauthError
from tekore._client import base as tekore_base

from service.domain import Features
from tests import worlds
from tests.faults.serving import Service

PAIR = ("our-client", "our-secret")
SPOTIFY_ID = "4uLU6hMCjMI75M1A2tKUQC"
"""What the catalogue knows jazz00 by at Spotify."""
pytestmark = pytest.mark.filterwarnings("ignore:You're using:DeprecationWarning")


def tracks() -> list:
    """The small world, no two of a taste sounding alike; one has an id of Spotify's."""
    spread = []
    for number, track in enumerate(worlds.tracks()):
        features = structs.replace(
            track.features, energy=(number * 7 % 60) / 60, tempo=60.0 + number * 2
        )
        spread.append(structs.replace(track, features=features, popularity=float(number)))
    spread[0] = structs.replace(spread[0], aliases={"spotify": SPOTIFY_ID, "isrc": "USRC17607839"})
    spread[-1] = structs.replace(spread[-1], features=Features())
    return spread


@pytest.fixture(scope="module")
def server(tmp_path_factory, kernels: Path) -> Iterator[str]:
    """A server process with credentials of its own and the same paths at its root."""
    data: Path = tmp_path_factory.mktemp("spotify") / "data"
    data.mkdir()
    (data / "kernels").symlink_to(kernels)
    credentials = data.parent / "credentials"
    credentials.write_text("# who may ask\n" + ":".join(PAIR) + "\n", encoding="utf-8")
    service = Service(
        data,
        env={
            "ECHOTUNE_SPOTIFY_CREDENTIALS": str(credentials),
            "ECHOTUNE_SPOTIFY_ROOT": "on",
            "ECHOTUNE_STRATEGY_TIMEOUT_MS": "5000",
            "ECHOTUNE_TRAIN_EVERY_HOURS": "0",
        },
    )
    service.start()
    try:
        assert 200 == service.put("/v1/tracks", to_builtins(tracks())).status_code
        assert 202 == service.post("/v1/listens", to_builtins(worlds.listens())).status_code
        yield service.url
    finally:
        service.stop()


@contextmanager
def managed(
    monkeypatch: pytest.MonkeyPatch, server: str, *pair: str
) -> Iterator[SpotifyClientCredentials]:
    monkeypatch.setattr(SpotifyClientCredentials, "OAUTH_TOKEN_URL", f"{server}/spotify/api/token")
    with requests.Session() as session:
        yield SpotifyClientCredentials(
            *pair, cache_handler=MemoryCacheHandler(), requests_session=session
        )


@contextmanager
def pointed(server: str, **known: Any) -> Iterator[spotipy.Spotify]:
    with requests.Session() as session:
        client = spotipy.Spotify(requests_session=session, **known)
        client.prefix = f"{server}/spotify/v1/"
        yield client


@pytest.fixture
def spotify(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[spotipy.Spotify]:
    with (
        managed(monkeypatch, server, *PAIR) as manager,
        pointed(server, auth_manager=manager) as client,
    ):
        yield client


@pytest.fixture
def strict(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[tekore.Spotify]:
    monkeypatch.setattr(tekore_base, "prefix", f"{server}/spotify/v1/")
    monkeypatch.setattr(
        "tekore._auth.expiring.client.OAUTH_TOKEN_URL", f"{server}/spotify/api/token"
    )
    with httpx.Client() as client:
        sender = tekore.SyncSender(client)
        token = tekore.Credentials(*PAIR, sender=sender).request_client_token()
        yield tekore.Spotify(token, sender=sender)


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def test_spotipy_gets_recommendations_that_follow_their_targets(spotify) -> None:
    def energies(**wishes: float) -> list[float]:
        found = spotify.recommendations(
            seed_tracks=[f"spotify:track:{SPOTIFY_ID}", "jazz01"], limit=10, **wishes
        )
        assert ["TRACK", "TRACK"] == [seed["type"] for seed in found["seeds"]]
        assert 10 == len(found["tracks"])
        ids = [track["id"] for track in found["tracks"]]
        assert {22} == set(map(len, ids))
        return [one["energy"] for one in spotify.audio_features(ids)]

    low, plain, high = energies(target_energy=0.0), energies(), energies(target_energy=1.0)

    assert mean(low) + 0.1 < mean(plain) < mean(high) - 0.1
    assert plain == energies()


def test_spotipys_bounds_hold_for_every_track(spotify) -> None:
    found = spotify.recommendations(
        seed_genres=["metal"],
        seed_artists=[spotify.track("jazz03")["artists"][0]["uri"]],
        limit=100,
        min_energy=0.3,
        max_energy=0.7,
        min_tempo=80,
        max_popularity=50,
    )
    features = spotify.audio_features([track["id"] for track in found["tracks"]])

    assert features
    assert all(0.3 <= one["energy"] <= 0.7 and one["tempo"] >= 80 for one in features)
    assert all(track["popularity"] <= 50 for track in found["tracks"])
    for seed in found["seeds"]:
        assert seed["initialPoolSize"] > seed["afterFilteringSize"] >= len(found["tracks"])


def test_spotipy_reads_the_rest(spotify) -> None:
    track = spotify.track(SPOTIFY_ID)
    several = spotify.tracks(["jazz00", "x" * 22, "jazz01"])["tracks"]
    features = spotify.audio_features(["jazz00", "x" * 22, "folk19"])

    assert (SPOTIFY_ID, "Jazz Song 0") == (track["id"], track["name"])
    assert {"isrc": "USRC17607839"} == track["external_ids"]
    assert track == several[0]
    assert several[1] is None
    assert track["artists"][0]["id"] == spotify.artist(track["artists"][0]["id"])["id"]
    assert ["folk", "jazz", "metal"] == spotify.recommendation_genre_seeds()["genres"]
    assert (SPOTIFY_ID, None, None) == (features[0]["id"], *features[1:])


def test_spotipy_says_what_is_wrong(spotify, server, monkeypatch) -> None:
    with pytest.raises(spotipy.SpotifyException, match="1 to 5 seeds") as refused:
        spotify.recommendations(seed_genres=list("abcdef"))
    with pytest.raises(spotipy.SpotifyException, match="Non existing id") as missing:
        spotify.track("x" * 22)
    with (
        managed(monkeypatch, server, "our-client", "guessed") as manager,
        pytest.raises(SpotifyOauthError, match="invalid_client"),
    ):
        manager.get_access_token(as_dict=False)
    with (
        pointed(server, auth="made-up") as stranger,
        pytest.raises(spotipy.SpotifyException, match="Invalid access token") as unknown,
    ):
        stranger.track("jazz00")

    assert [400, 404, 401] == [one.value.http_status for one in (refused, missing, unknown)]


@pytest.mark.filterwarnings("error")  # of an attribute that a model does not have
def test_tekores_strict_models_take_every_answer(strict) -> None:
    found = strict.recommendations(
        track_ids=[SPOTIFY_ID], genres=["folk"], limit=30, target_valence=0.9, min_tempo=70
    )
    features = strict.tracks_audio_features([track.id for track in found.tracks])
    one = strict.track_audio_features(SPOTIFY_ID)

    assert 30 == len(found.tracks) == len(features)
    assert all(one.tempo >= 70 for one in features)
    assert {"TRACK", "GENRE"} == {seed.type for seed in found.seeds}
    assert (-1, 1, 4) == (one.key, one.mode, one.time_signature)
    assert SPOTIFY_ID == strict.track(SPOTIFY_ID).id
    assert 2 == len(strict.tracks(["jazz00", "jazz01"]))
    artist = found.tracks[0].artists[0]
    assert artist.name == strict.artist(artist.id).name
    assert ["folk", "jazz", "metal"] == strict.recommendation_genre_seeds()


def test_the_root_has_the_same_and_leaves_echotune_its_own(server: str, spotify) -> None:
    spotify.prefix = f"{server}/v1/"
    token = spotify.auth_manager.get_access_token(as_dict=False)
    asked = {"Authorization": f"Bearer {token}"}

    assert 3 == len(spotify.recommendations(seed_tracks=["jazz00"], limit=3)["tracks"])
    assert SPOTIFY_ID == spotify.tracks(["jazz00"])["tracks"][0]["id"]
    assert SPOTIFY_ID == spotify.audio_features(["jazz00"])[0]["id"]
    assert 401 == httpx.get(f"{server}/v1/tracks?ids=jazz00").status_code
    assert "title" in httpx.get(f"{server}/v1/tracks/jazz00", headers=asked).json()
    assert (
        200
        == httpx.post(
            f"{server}/api/token", auth=PAIR, data={"grant_type": "client_credentials"}
        ).status_code
    )
