"""A history goes out as a zip of ListenBrainz and comes back as it was: the same bytes again."""

import asyncio
import json
import tempfile
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain import Listen, Track
from service.doors import backwards
from service.doors.listenbrainz_zip import write_listenbrainz
from service.errors import Invalid, UnknownUser
from service.store.memory import MemoryStore
from tests.service.doors.house import House, sums

AT = datetime(2024, 5, 1, 12, tzinfo=UTC)
NAME = st.builds("{}{}".format, st.sampled_from("aéЖ&"), st.text(max_size=8))
MBIDS = [f"8f3471b5-7e6a-48da-86a9-c1c07a0f47{n:02x}" for n in range(4)]
TRACKS = st.tuples(*(
    st.builds(
        Track,
        id=st.just(f"t{n}"),
        title=NAME,
        artist=NAME,
        album=st.just("") | NAME,
        genres=st.just(("jazz",)),
        duration_ms=st.none() | st.integers(1, 86_400_000),
        aliases=st.sampled_from([
            {}, {"isrc": f"ISRC{n}"}, {"recording_mbid": MBIDS[n]}, {"spotify": f"{n:022}"},
        ]),
    )
    for n in range(4)
))  # fmt: skip
LISTEN = st.builds(
    Listen,
    id=st.uuids(version=4).map(str),
    user_id=st.sampled_from(["ada", "bob"]),
    track_id=st.sampled_from(["t0", "t1", "t2", "t3"]),
    action=st.sampled_from(["play", "play", "skip", "like", "dislike", "save"]),
    at=st.integers(0, 800_000_000_000).map(
        lambda ms: datetime(2000, 1, 2, tzinfo=UTC) + timedelta(milliseconds=ms)
    ),
    plays=st.integers(1, 9),
    timed=st.booleans(),
    ms_played=st.none() | st.integers(0, 86_400_000),
    source=st.sampled_from(["", "web", "é"]),
    device=st.none() | st.just("phone"),
    context=st.none() | st.just("gym"),
    list_id=st.none() | st.just("L1"),
) | st.builds(
    Listen,
    id=st.uuids(version=4).map(str),
    user_id=st.just("ada"),
    track_id=st.just("t1"),
    action=st.just("rating"),
    rating=st.sampled_from([0.5, 3.0, 5.0]),
    at=st.just(AT),
)


def nothing(_: int) -> None:
    return None


def export(store, path: Path, user: str = "ada") -> dict[str, bytes]:
    asyncio.run(write_listenbrainz(store, user, path, on_progress=nothing))
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


async def filled(tracks, listens) -> MemoryStore:
    store = MemoryStore()
    await store.put_tracks(tracks)
    await store.append(listens)
    return store


@settings(max_examples=60)
@given(TRACKS, st.lists(LISTEN, min_size=1, max_size=40), st.integers(1, 7))
def test_out_in_and_out_again_is_the_same_to_the_byte(tracks, listens, page: int) -> None:
    mine = [listen for listen in listens if listen.user_id == "ada"]
    store = asyncio.run(filled(tracks, listens))
    if not mine:
        return
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(backwards, "PAGE", page)
        house = House(Path(folder))
        first = house.folder / "first.zip"
        members = export(store, first)
        summary = house.bring("listenbrainz", first, user="ada")
        again = house.folder / "again.zip"

        assert (len(mine), len(mine), 0, 0) == sums(summary)
        assert sorted(one.id for one in mine) == sorted(one.id for one in house.listens())
        assert members == export(house.store, again)
        assert first.read_bytes() == again.read_bytes()
        assert (len(mine), 0, len(mine), 0) == sums(house.bring("listenbrainz", again, user="ada"))


def test_each_listen_lies_where_its_readers_look(tmp_path) -> None:
    track = Track(id="t", title="T", artist="A", album="R", duration_ms=200_000,
                  aliases={"recording_mbid": MBIDS[0], "spotify": "S" * 22})  # fmt: skip
    listens = [
        Listen(id="1", user_id="ada", track_id="t", at=AT, ms_played=100_000),
        Listen(id="2", user_id="ada", track_id="t", at=AT + timedelta(days=31)),
        Listen(id="3", user_id="ada", track_id="t", at=AT, action="skip"),
        Listen(id="4", user_id="ada", track_id="t", at=AT, action="like"),
        Listen(id="5", user_id="bob", track_id="t", at=AT),
    ]
    found = export(asyncio.run(filled([track], listens)), tmp_path / "x.zip")
    line = json.loads(found["listens/2024/5.jsonl"])
    verdict = json.loads(found["feedback.jsonl"])

    assert ["user.json", "listens/2024/5.jsonl", "listens/2024/6.jsonl", "feedback.jsonl",
            "echotune.jsonl"] == list(found)  # fmt: skip
    assert 1_714_564_800 == line["listened_at"]
    assert ("A", "T", "R") == tuple(
        line["track_metadata"][name] for name in ("artist_name", "track_name", "release_name")
    )
    assert {
        "submission_client": "echotune", "duration_ms": 200_000, "recording_mbid": MBIDS[0],
        "spotify_id": "https://open.spotify.com/track/" + "S" * 22,
    } == line["track_metadata"]["additional_info"]  # fmt: skip
    assert (1, MBIDS[0]) == (verdict["score"], verdict["recording_mbid"])
    assert "skip" == json.loads(found["echotune.jsonl"])["echotune"]["action"]
    assert "bob" not in repr(found)


def test_nobody_has_no_zip_and_a_folder_that_is_not_there_is_one_line(tmp_path) -> None:
    store = asyncio.run(filled([], [Listen(id="1", user_id="ada", track_id="t", at=AT)]))
    with pytest.raises(UnknownUser):
        export(store, tmp_path / "x.zip", user="eve")
    with pytest.raises(Invalid, match="cannot be written"):
        export(store, tmp_path / "none" / "x.zip")

    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "own",
    [
        {"id": "x y"}, {"track_id": "../x"}, {"at": "2024-01-01T00:00:00"}, {"plays": 0},
        {"rating": 9}, {"action": "steal"}, {"user_id": "eve"}, {"source": "x" * 65},
    ],
)  # fmt: skip
def test_a_line_that_was_tampered_with_is_rejected(house, own: dict) -> None:
    usual = {"id": "1", "track_id": "t", "at": "2024-01-01T00:00:00Z"}
    said = {"artist_name": "A", "track_name": "T"}
    lines = [{"track_metadata": said, "echotune": usual | own}]
    text = "\n".join(map(json.dumps, lines))

    assert (1, 0, 0, 1) == sums(
        house.bring("listenbrainz", house.file("l.jsonl", text), user="ada")
    )
    assert [] == house.listens()
