"""Histories that other players kept: what becomes a listen, what is left out, and nothing twice."""

import asyncio
import json
import zipfile
from datetime import UTC, datetime

import pytest

from service.domain import Listen, Track
from service.doors.identity import Claim
from service.doors.listenbrainz.listening import listen_id
from service.errors import Invalid, UnusableFile
from tests.service.doors.house import reasons, sums

SPOTIFY_ID = "4uLU6hMCjMI75M1A2tKUQC"
MBID = "8f3471b5-7e6a-48da-86a9-c1c07a0f47ae"
CANARIES = {
    "ip_addr": "203.0.113.77-canary",
    "ip_addr_decrypted": "203.0.113.78-canary",
    "user_agent_decrypted": "canary-agent",
    "platform": "canary-phone",
    "username": "canary-name",
    "conn_country": "XC-canary",
    "city": "canary-town",
}


def stream(**said) -> dict:
    usual = {
        "ts": "2025-04-28T21:04:35Z",
        "ms_played": 200_000,
        "master_metadata_track_name": "Blue Song",
        "master_metadata_album_artist_name": "The Blues",
        "master_metadata_album_album_name": "Blue",
        "spotify_track_uri": f"spotify:track:{SPOTIFY_ID}",
        "reason_start": "trackdone",
        "reason_end": "trackdone",
        "skipped": False,
        "incognito_mode": False,
    }
    return CANARIES | usual | said


def zipped(house, name: str, members: dict[str, str]):
    path = house.folder / name
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in members.items():
            archive.writestr(member, text)
    return path


def spotify_zip(house, *streams: dict):
    return zipped(
        house,
        "my_spotify_data.zip",
        {
            "Spotify Extended Streaming History/Streaming_History_Audio_2025_0.json": json.dumps(
                streams
            ),
            "Spotify Extended Streaming History/Streaming_History_Video_2025.json": "[{}]",
            "Spotify Extended Streaming History/ReadMe.pdf": "%PDF",
        },
    )


def test_a_stream_of_spotify_begins_when_it_began(house) -> None:
    summary = house.bring("spotify", spotify_zip(house, stream()), user="ada")
    (listen,) = house.listens()
    track = house.track(listen.track_id)

    assert (1, 1, 0, 0) == sums(summary)
    assert datetime(2025, 4, 28, 21, 1, 15, tzinfo=UTC) == listen.at
    assert ("ada", "play", 200_000) == (listen.user_id, listen.action, listen.ms_played)
    assert ("Blue Song", "The Blues", "Blue") == (track.title, track.artist, track.album)
    assert SPOTIFY_ID == track.aliases["spotify"]


@pytest.mark.parametrize(
    "action, said",
    [
        ("skip", {"ms_played": 4_000, "reason_end": "fwdbtn"}),
        ("skip", {"ms_played": 4_000, "reason_end": "endplay", "skipped": True}),
        ("play", {"ms_played": 4_000, "reason_end": "trackdone", "skipped": True}),
        ("play", {"ms_played": 31_000, "reason_end": "fwdbtn", "skipped": True}),
        ("play", {"ms_played": 4_000, "reason_end": "logout", "skipped": None}),
        ("play", {"ms_played": 4_000, "reason_end": "logout", "skipped": 0}),
    ],
)
def test_whoever_goes_on_within_30_seconds_has_skipped(house, action: str, said: dict) -> None:
    house.bring("spotify", spotify_zip(house, stream(**said)), user="ada")

    assert [action] == [listen.action for listen in house.listens()]


def test_private_sessions_podcasts_and_dirt_are_no_listens(house) -> None:
    podcast = stream(master_metadata_track_name=None, spotify_track_uri=None, episode_name="E")
    private = stream(incognito_mode=True, master_metadata_track_name="hush-canary")
    path = spotify_zip(
        house, private, podcast, stream(ms_played=-1), stream(ts="soon"), {"ts": 5}, stream()
    )

    assert (6, 1, 0, 5) == sums(house.bring("spotify", path, user="ada"))
    assert "a private session: left out" == reasons(house)[0]
    assert "hush-canary" not in house.rejects.read_text()
    assert "podcast" in reasons(house)[1]


def test_the_same_stream_half_a_minute_off_is_the_same_listen(house) -> None:
    path = spotify_zip(
        house,
        stream(),
        stream(ts="2025-04-28T21:05:00Z"),
        stream(ts="2025-04-28T21:05:10Z"),
        stream(ts="2025-04-28T21:05:00Z", ms_played=200_001),
    )

    assert (4, 3, 1, 0) == sums(house.bring("spotify", path, user="ada"))
    assert (4, 0, 4, 0) == sums(house.bring("spotify", path, user="ada"))


def test_what_is_personal_is_in_no_listen_no_reject_and_no_log(house, capfd, caplog) -> None:
    path = spotify_zip(house, stream(), stream(ms_played=-1), stream(ts=7), stream(ts="?"))
    house.bring("spotify", path, user="ada")
    left = house.rejects.read_text() + repr(house.listens()) + repr(house.tracks())
    left += "".join(capfd.readouterr()) + caplog.text + repr(house.stream.__dict__)

    assert "ada" in left
    assert [] == [value for value in CANARIES.values() if value in left]
    assert all(value in json.dumps(stream()) for value in CANARIES.values())  # they were there


def test_account_data_of_spotify_names_tracks_only(house) -> None:
    entry = {"endTime": "2024-02-01 10:30", "artistName": "A", "trackName": "T", "msPlayed": 60_000}
    path = zipped(house, "a.zip", {"MyData/StreamingHistory_music_0.json": json.dumps([entry])})
    house.bring("spotify", path, user="ada")
    again = house.bring("spotify", house.file("x.json.gz", json.dumps([entry])), user="ada")
    (listen,) = house.listens()

    assert (1, 0, 1, 0) == sums(again)
    assert datetime(2024, 2, 1, 10, 29, tzinfo=UTC) == listen.at
    assert ("T", "A") == (house.tracks()[0].title, house.tracks()[0].artist)


def test_a_track_the_catalogue_knows_by_another_name_is_that_track(house) -> None:
    known = Track(id="mine", title="Blue Song", artist="The Blues", aliases={"spotify": SPOTIFY_ID})
    asyncio.run(house.store.put_tracks([known]))
    house.known.add("mine")
    house.bring("spotify", spotify_zip(house, stream()), user="ada")

    assert ["mine"] == [listen.track_id for listen in house.listens()]
    assert 1 == len(house.tracks())


def test_names_that_differ_in_case_or_form_are_one_recording(house) -> None:
    line = '{"listened_at":%d,"track_metadata":{"artist_name":"%s","track_name":"Été"}}\n'
    path = house.file("l.jsonl", line % (1_700_000_000, "ABBA") + line % (1_700_000_500, "ａbba"))

    assert (2, 2, 0, 0) == sums(house.bring("listenbrainz", path, user="ada"))
    assert 1 == len(house.tracks())


def test_a_zip_of_listenbrainz_with_feedback(house) -> None:
    listen = {
        "listened_at": 1_700_000_000.0,
        "inserted_at": 1_700_000_001.5,
        "track_metadata": {
            "artist_name": "A",
            "track_name": "T",
            "release_name": "R",
            "recording_msid": "m-1",
            "mbid_mapping": None,
            "additional_info": {"duration": 200, "recording_mbid": MBID, "isrc": 5},
        },
    }
    liked = {"recording_msid": "m-1", "recording_mbid": None, "score": 1, "created": 1_700_000_100}
    hated = {"recording_msid": None, "recording_mbid": MBID, "score": -1, "created": 1_700_000_200}
    strange = liked | {"recording_msid": "m-2"}
    feedback = "\n".join(map(json.dumps, (liked, hated, strange, liked | {"score": 0})))
    members = {
        "user.json": '{"user_id":1,"username":"someone"}',
        "feedback.jsonl": feedback,
        "listens/2023/11.jsonl": json.dumps(listen),
        "listens/2023/2.jsonl": "{}\n",
    }
    path = zipped(house, "lb.zip", members)
    summary = house.bring("listenbrainz", path, user="ada")
    (track,) = house.tracks()

    assert (6, 3, 0, 3) == sums(summary)
    assert (200_000, MBID) == (track.duration_ms, track.aliases["recording_mbid"])
    assert ["play", "like", "dislike"] == [one.action for one in house.listens()]
    assert (6, 0, 3, 3) == sums(house.bring("listenbrainz", path, user="ada"))


def test_what_a_player_submitted_already_does_not_come_twice(house) -> None:
    """ListenBrainz has it from the player, EchoTune too; then the export is imported."""
    claim = Claim(artist="A", title="T", album="R")
    asyncio.run(house.store.put_tracks([Track(id="t", title="T", artist="A")]))
    house.known.add("t")
    at = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    sent = Listen(user_id="ada", track_id="t", at=at, id=listen_id(1_700_000_000, claim.msid))
    asyncio.run(house.ingest.take([sent]))
    names = {"artist_name": "a", "track_name": "T ", "release_name": "R"}
    seconds = (1_700_000_000, 1_700_000_001)
    lines = [{"listened_at": one, "track_metadata": names} for one in seconds]
    path = house.file("l.jsonl", "\n".join(map(json.dumps, lines)))

    assert (2, 1, 1, 0) == sums(house.bring("listenbrainz", path, user="ada"))


def test_both_kinds_of_csv_from_lastfm(house) -> None:
    headed = (
        '"uts","utc_time","artist","artist_mbid","album","album_mbid","track","track_mbid"\n'
        f'"1700000000","14 Nov 2023, 22:13","A","","R","","T, or not","{MBID}"\n'
        '"soon","","A","","","","T",""\n'
    )
    bare = 'A,R,T,"19 Aug 2023 20:48"\nA,R,T,\nA,R\n,R,T,"19 Aug 2023 20:48"\n'

    assert (2, 1, 0, 1) == sums(house.bring("lastfm", house.file("g.csv", headed), user="ada"))
    assert (4, 1, 0, 3) == sums(house.bring("lastfm", house.file("b.csv.gz", bare), user="ada"))
    assert [datetime(2023, 8, 19, 20, 48, tzinfo=UTC)] == [
        listen.at for listen in house.listens() if listen.at.month == 8
    ]


@pytest.mark.parametrize("form", [1, 2, 3])
def test_pages_of_json_from_lastfm(house, form: int) -> None:
    track = {
        "name": "T",
        "artist": {"#text": "A", "mbid": ""},
        "album": {"#text": "R"},
        "mbid": MBID,
        "url": "https://example.org",
        "date": {"uts": "1700000000", "#text": "14 Nov 2023, 22:13"},
    }
    playing = {key: value for key, value in track.items() if key != "date"}
    page = {"track": [playing, track, {"name": 5}], "@attr": {"page": "1"}}
    whole = {1: [page], 2: {"recenttracks": page}, 3: [playing, track, {"name": 5}]}[form]
    summary = house.bring("lastfm", house.file("l.json", json.dumps(whole)), user="ada")

    assert (3, 1, 0, 2) == sums(summary)
    assert MBID == house.tracks()[0].aliases["recording_mbid"]


def test_the_log_of_a_rockbox_keeps_skips(house) -> None:
    log = (
        "#AUDIOSCROBBLER/1.1\n#TZ/UNKNOWN\n#CLIENT/Rockbox\n"
        f"A\tR\tT\t1\t200\tL\t1700000000\t{MBID}\r\n"
        "A\tR\tU\t2\t180\tS\t1700000300\n"
        "A\tR\tU\t2\t180\tX\t1700000300\n"
        "A\tR\n"
    )
    path = house.file(".scrobbler.log", log)

    assert (4, 2, 0, 2) == sums(house.bring("scrobbler-log", path, user="ada"))
    assert ["play", "skip"] == [listen.action for listen in house.listens()]
    assert {200_000, 180_000} == {track.duration_ms for track in house.tracks()}
    assert (4, 0, 2, 2) == sums(house.bring("scrobbler-log", path, user="ada"))


def test_an_export_of_maloja(house) -> None:
    scrobble = {
        "time": 1_700_000_000,
        "track": {
            "artists": ["A", "B"],
            "title": "T",
            "album": {"artists": ["A"], "albumtitle": "R"},
            "length": 200,
        },
        "duration": 120,
        "origin": "client:x",
    }
    bare = {"time": 1_700_000_500, "track": {"artists": ["A"], "title": "U", "album": None}}
    export = {"maloja": {"export_time": 1}, "scrobbles": [scrobble, bare, {"time": 1}]}
    path = house.file("maloja_export.json", json.dumps(export))

    assert (3, 2, 0, 1) == sums(house.bring("maloja", path, user="ada"))
    assert {"A, B", "A"} == {track.artist for track in house.tracks()}
    assert {120_000, None} == {listen.ms_played for listen in house.listens()}


@pytest.mark.parametrize("kind", ["spotify", "listenbrainz", "lastfm", "scrobbler-log", "maloja"])
def test_a_history_is_somebodys(house, kind: str) -> None:
    with pytest.raises(Invalid, match="--user"):
        house.bring(kind, house.file("x", "[]"))


def test_a_zip_of_something_else_is_refused_before_anything_is_stored(house) -> None:
    with pytest.raises(UnusableFile, match="no file of this format"):
        house.bring("spotify", zipped(house, "x.zip", {"a.txt": "?"}), user="ada")
    with pytest.raises(UnusableFile, match="500 are the most"):
        house.bring(
            "listenbrainz",
            zipped(house, "b.zip", {f"listens/{n}/1.jsonl": "{}" for n in range(1000, 1501)}),
            user="ada",
        )
