import pytest

from service.doors.identity import Claim
from service.doors.identity.names import artist_key, work_key


@pytest.mark.parametrize(
    "one, other",
    [
        ("The Beatles", "Beatles, The"),
        ("The%20Beatles", "the beatles"),
        ("Simon & Garfunkel", "Simon and Garfunkel"),
        ("Björk", "Bjork"),
        ("Skee-Lo", "Skee Lo"),
        ("Outkast feat. Sleepy Brown", "OutKast"),
        ("Outkast (ft. Killer Mike)", "OutKast"),
        ("R.E.M.", "REM"),
        ("!!!", "!!!"),
        ("小松正夫", "小松正夫"),
    ],
)
def test_two_spellings_of_one_artist(one, other) -> None:
    assert artist_key(one) == artist_key(other)


@pytest.mark.parametrize(
    "one, other",
    [("Cake", "Cage"), ("!!!", "???"), ("小松正夫", "小松"), ("And", "The")],
)
def test_two_artists(one, other) -> None:
    assert artist_key(one) != artist_key(other)


def test_recordings_of_a_work_have_one_key() -> None:
    keys = {
        work_key("Help!", "The Beatles"),
        work_key("help", "Beatles, The"),
        work_key("Help! - Remastered 2009", "the beatles"),
        work_key("Help! (Live at Shea Stadium)", "The Beatles feat. Nobody"),
    }

    assert 1 == len(keys)
    assert work_key("Help! (Somebody Remix)", "The Beatles") not in keys


def test_a_message_id_depends_on_the_names_alone() -> None:
    one = Claim(artist="Rick Astley", title="Together  Forever", album="X", isrc="GBARL9300135")
    same = Claim(artist="RICK ASTLEY ", title="together forever", album="x")
    other = Claim(artist="Rick Astley", title="Together Forever")

    assert one.msid == same.msid != other.msid
    assert "5" == one.msid[14]


@pytest.mark.parametrize(
    "sent, known",
    [
        ("https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC?si=1", "4uLU6hMCjMI75M1A2tKUQC"),
        ("spotify:track:4uLU6hMCjMI75M1A2tKUQC", "4uLU6hMCjMI75M1A2tKUQC"),
        ("4uLU6hMCjMI75M1A2tKUQC", "4uLU6hMCjMI75M1A2tKUQC"),
    ],
)
def test_ids_are_read_as_their_systems_write_them(sent, known) -> None:
    claim = Claim(artist="a", title="b", spotify_id=sent, isrc="gb-arl-93-00135")

    assert (("isrc", "GBARL9300135"), ("spotify", known)) == claim.ids
    assert () == Claim(artist="a", title="b", spotify_id="x", isrc="y").ids
