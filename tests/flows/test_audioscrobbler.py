"""The submissions protocol 1.2 on the wire: exact requests, exact answers."""

import time
from collections.abc import AsyncIterator
from hashlib import md5
from pathlib import Path

import msgspec
import pytest
from litestar.testing import AsyncTestClient

from service.app import create_app
from service.doors.identity import Review
from service.errors import Invalid
from service.settings import Settings
from tests import worlds

TOKEN = "a-token-of-alice-0123456789"
NOW = int(time.time())
AT = NOW - 600


def settings(folder: Path, **more) -> Settings:
    return Settings(data_dir=str(folder / "data"), audioscrobbler="on", **more)


@pytest.fixture
async def player(tmp_path: Path) -> AsyncIterator[AsyncTestClient]:
    """A service with the small world in it, and alice's token."""
    tokens = tmp_path / "tokens.json"
    tokens.write_text(msgspec.json.encode({TOKEN: "alice"}).decode())
    async with AsyncTestClient(
        create_app(settings(tmp_path, listenbrainz_tokens=str(tokens)))
    ) as client:
        put = await client.put("/v1/tracks", content=msgspec.json.encode(worlds.tracks()))
        assert 200 == put.status_code
        yield client


def md5_of(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()


def handshake(*, user: str = "alice", token: str = TOKEN, at: int = NOW, **more) -> dict:
    auth = md5_of(md5_of(token) + str(at))
    given = {"hs": "true", "p": "1.2", "c": "mdc", "v": "0.24", "u": user, "t": at, "a": auth}
    return given | more


async def session_of(player: AsyncTestClient) -> str:
    answer = await player.get("/", params=handshake())
    assert 200 == answer.status_code
    return answer.text.split("\n")[1]


def play(number: int, *, title: str = "Jazz Song 0", artist: str = "Jazz Artist 0", **more) -> dict:
    given = {"a": artist, "t": title, "i": AT + number, "o": "P", "r": "", "l": 200}
    given |= {"b": "", "n": "", "m": ""} | more
    return {f"{name}[{number}]": value for name, value in given.items()}


async def listens(player: AsyncTestClient, user: str = "alice") -> list[dict]:
    answer = await player.get(f"/v1/users/{user}/listens")
    return answer.json()["listens"] if answer.status_code == 200 else []


async def test_a_handshake_answers_with_a_session_and_two_addresses(player) -> None:
    answer = await player.get("/", params=handshake())
    word, session, now_playing, submission, rest = answer.text.split("\n")

    assert ("OK", "") == (word, rest)
    assert session.isalnum()
    assert "http://testserver.local/np_1.2" == now_playing
    assert "http://testserver.local/protocol_1.2" == submission
    assert "text/plain" in answer.headers["content-type"]


@pytest.mark.parametrize(
    "given, status, text",
    [
        (handshake(token="guessed"), 401, "BADAUTH\n"),
        (handshake(user="bob"), 401, "BADAUTH\n"),
        (handshake(a=""), 401, "BADAUTH\n"),
        (handshake(t="soon"), 401, "BADAUTH\n"),
        (handshake(at=NOW - 90_000), 200, "BADTIME\n"),
        (handshake(p="1.1"), 200, "FAILED only protocol 1.2 is spoken here\n"),
        ({f"x{number}": 1 for number in range(80)}, 200, "EchoTune speaks"),
    ],
)
async def test_a_handshake_that_is_none_is_told_so(player, given, status, text) -> None:
    answer = await player.get("/", params=given)

    assert status == answer.status_code
    assert answer.text.startswith(text)


async def test_what_was_played_is_stored_once_however_often_it_is_sent(player) -> None:
    form = {"s": await session_of(player)} | play(0) | play(1, title="Metal Song 3", artist="x")
    form |= play(2, title="jazz song 1 (Live)", artist="JAZZ ARTIST 1", r="L")
    for _ in range(2):
        answer = await player.post("/protocol_1.2", data=form)
        assert (200, "OK\n") == (answer.status_code, answer.text)

    found = sorted((one["track_id"], one["action"]) for one in await listens(player))
    known = [("jazz00", "play"), ("jazz01", "like"), ("jazz01", "play")]
    (unknown,) = set(found) - set(known)
    track = (await player.get(f"/v1/tracks/{unknown[0]}")).json()
    assert sorted([*known, unknown]) == found
    assert ("Metal Song 3", "x", 200_000) == (track["title"], track["artist"], track["duration_ms"])
    house = player.app.state.house
    review = Review(house.store, house.shelf, house.resolver)
    assert [unknown[0]] == [one.track_id for one in await review.unresolved()]


async def test_fifty_plays_are_taken_and_fifty_one_are_none(player) -> None:
    session = {"s": await session_of(player)}
    fifty = {name: value for number in range(50) for name, value in play(number).items()}

    many = await player.post("/protocol_1.2", data=session | fifty | play(50))
    none = await listens(player)
    right = await player.post("/protocol_1.2", data=session | fifty)

    assert "FAILED more than 50 tracks at once\n" == many.text
    assert [] == none
    assert "OK\n" == right.text
    assert 50 == (await player.app.state.house.store.counts())["listens"]


@pytest.mark.parametrize("rating, action", [("", "play"), ("B", "dislike"), ("S", "skip")])
async def test_a_rating_is_what_was_done(player, rating: str, action: str) -> None:
    await player.post("/protocol_1.2", data={"s": await session_of(player)} | play(0, r=rating))

    assert [action] == [one["action"] for one in await listens(player)]


async def test_what_plays_now_is_checked_and_kept_nowhere(player) -> None:
    now = {"a": "Jazz Artist 0", "t": "Jazz Song 0", "b": "", "l": 200, "n": 1, "m": ""}
    session = await session_of(player)

    good = await player.post("/np_1.2", data=now | {"s": session})
    stranger = await player.post("/np_1.2", data=now | {"s": "0" * 42})
    nameless = await player.post("/np_1.2", data={"s": session, "a": "x"})

    assert ("OK\n", "BADSESSION\n") == (good.text, stranger.text)
    assert "FAILED a and t must be names\n" == nameless.text
    assert [] == await listens(player)


async def test_nothing_is_stored_of_a_submission_that_cannot_be_read(player) -> None:
    session = await session_of(player)
    signed = session[:-1] + ("0" if session[-1] != "0" else "1")
    wrong = [
        ({"s": signed} | play(0), "BADSESSION\n"),
        ({"s": ""} | play(0), "BADSESSION\n"),
        ({"s": session}, "FAILED no tracks"),
        ({"s": session} | play(0) | play(1, i="today"), "FAILED i[1] must be"),
        ({"s": session} | play(0) | play(1, i=""), "FAILED i[1] must be"),
        ({"s": session} | play(0) | play(1, r="X"), "FAILED r[1] must be"),
        ({"s": session} | play(0) | play(1, t=" "), "FAILED a[1] and t[1]"),
        ({f"x{number}": 1 for number in range(600)}, "FAILED the form is"),
    ]
    for form, text in wrong:
        answer = await player.post("/protocol_1.2", data=form)
        assert answer.text.startswith(text), form
    raw = await player.post("/protocol_1.2", content=b"s=%ff&a[0]=\xff")

    assert raw.text.startswith("FAILED")
    assert [] == await listens(player)


async def test_a_store_that_is_away_makes_a_player_come_again(player) -> None:
    form = {"s": await session_of(player)} | play(0)
    await player.app.state.house.store.close()

    answer = await player.post("/protocol_1.2", data=form)

    assert 503 == answer.status_code
    assert answer.text.startswith("FAILED ")


async def test_it_is_not_there_unless_it_is_turned_on(client) -> None:
    assert 404 == (await client.get("/", params=handshake())).status_code
    assert 404 == (await client.post("/protocol_1.2", data=play(0))).status_code


async def test_without_tokens_a_name_will_do_on_this_machine_alone(tmp_path: Path) -> None:
    for more, status in (
        ({"host": "127.0.0.1"}, 200),
        ({"host": "0.0.0.0"}, 401),  # noqa: S104 - nothing listens
        ({"host": "127.0.0.1", "access": "on"}, 401),
    ):
        async with AsyncTestClient(create_app(settings(tmp_path, **more))) as client:
            answer = await client.get("/", params=handshake(user="bob", token="bob"))

            assert status == answer.status_code


def test_a_file_that_holds_no_tokens_stops_the_start_and_is_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "tokens.json"
    file.write_text('{"secret-token": 7}')

    with pytest.raises(Invalid, match="ECHOTUNE_LISTENBRAINZ_TOKENS") as caught:
        create_app(settings(tmp_path, listenbrainz_tokens=str(file)))

    assert "secret-token" not in str(caught.value)
