"""Playlists: what players read of them, whatever is in a name."""

import json
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain import Track
from service.doors.playlists import FORMS, Place, Playlist, jspf, m3u8, xspf

AT = datetime(2026, 5, 4, 12, tzinfo=UTC)
MBID = "8f3471b5-7e6a-48da-86a9-c1c07a0f47ae"
XSPF = "{http://xspf.org/ns/0/}"
TWO = Playlist("L1", "Recommended for ada", "ada", AT, [
    Place(Track(id="a", title="T & <U>", artist="A", album="R", duration_ms=222_400,
                aliases={"uri": "file:///music/a.flac", "spotify": "S" * 22}), "Because"),
    Place(Track(id="b", title="V", artist="B", aliases={"recording_mbid": MBID}), ""),
    Place(Track(id="c", title="W", artist="C"), ""),
])  # fmt: skip


def test_an_m3u8() -> None:
    assert (
        "#EXTM3U\n#PLAYLIST:Recommended for ada\n"
        "#EXTINF:222,A - T & <U>\nfile:///music/a.flac\n"
        f"#EXTINF:-1,B - V\nhttps://musicbrainz.org/recording/{MBID}\n"
        "#EXTINF:-1,C - W\nurn:echotune:track:c\n"
    ) == m3u8(TWO).decode()


def test_an_xspf_is_xml_of_its_namespace() -> None:
    root = ET.fromstring(xspf(TWO))  # noqa: S314 - our own
    tracks = root.findall(f"{XSPF}trackList/{XSPF}track")

    assert (f"{XSPF}playlist", "1") == (root.tag, root.get("version"))
    assert ["T & <U>", "V", "W"] == [track.findtext(f"{XSPF}title") for track in tracks]
    assert "222400" == tracks[0].findtext(f"{XSPF}duration")
    assert "file:///music/a.flac" == tracks[0].findtext(f"{XSPF}location")


def test_a_jspf_says_for_whom_and_why() -> None:
    said = json.loads(jspf(TWO))["playlist"]

    assert "ada" == said["extension"]["https://musicbrainz.org/doc/jspf#playlist"]["created_for"]
    assert ["Because", None, None] == [track.get("annotation") for track in said["track"]]
    assert [f"https://musicbrainz.org/recording/{MBID}"] == said["track"][1]["identifier"]


@given(st.text(min_size=1, max_size=20).filter(str.strip), st.sampled_from(sorted(FORMS)))
def test_no_name_breaks_a_playlist(name: str, form: str) -> None:
    track = Track(id="a", title=name, artist=name, aliases={"uri": f"x:{name}"})
    body = FORMS[form](Playlist("L", f"For {name}", "u", AT, [Place(track, name)] * 2))
    if form == "m3u8":
        assert 6 == len(body.decode().split("\n")) - 1
        assert 3 == sum(line.startswith("#E") for line in body.decode().split("\n"))
    elif form == "xspf":
        root = ET.fromstring(body)  # noqa: S314 - our own
        assert 2 == len(root.findall(f"{XSPF}trackList/{XSPF}track"))
    else:
        assert [name, name] == [one["title"] for one in json.loads(body)["playlist"]["track"]]


@pytest.mark.parametrize("form", sorted(FORMS))
def test_the_same_list_gives_the_same_bytes(form: str) -> None:
    assert FORMS[form](TWO) == FORMS[form](TWO)
