"""Which recordings are of one work: cases by hand, and what real shops write."""

import csv
import os
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.model.works import work

ONE_WORK = {
    "Starman": ["Starman - 2012 Remaster", "Starman - Single Mix", "Starman (Live at Hammersmith)"],
    "Roxanne": ["Roxanne - Remastered 2003", "ROXANNE", "Roxanne - Live", "Roxanne (Acoustic)"],
    "Wake Me Up": ["Wake Me Up - Radio Edit", "Wake Me Up (feat. Aloe Blacc)", "Wake Me Up [Demo]"],
    "Tu No Eres Para Mi": ["Tú No Eres Para Mí", "Tu No Eres Para Mi - En Vivo"],
    "Hey Jude": ["Hey Jude - Remastered 2015", "Hey Jude - Mono Version", "Hey Jude (Stereo Mix)"],
    "Don't Stop": [
        "Don\u2019t Stop",
        "Dont Stop - 2004 Remaster",
        "Don't Stop - Radio Edit - Live",
    ],
    "Wish You Were Here": ["Wish You Were Here - 2011 Remastered Version"],
    "Fast Car": ["Fast Car (25th Anniversary Edition)", "Fast Car - Deluxe Edition"],
    "Fifteen": ["Fifteen (Taylor's Version)", "Fifteen - Bonus Track"],
    "Rock & Roll": ["Rock and Roll", "Rock & Roll feat. Somebody"],
}
TWO_WORKS = [
    ("Live and Let Die", "Let Die"),
    ("Live Forever", "Forever"),
    ("Paradise (What About Us)", "Paradise"),
    ("Part - Pt. 1", "Part - Pt. 2"),
    ("Samurai - Tiësto Remix", "Samurai"),
    ("Havana", "Havana - Spanish Version"),
    ("Dancing (With Myself)", "Dancing"),
    ("Stay (With You)", "Stay"),
    ("1979", "1980"),
    ("爱你", "恨你"),
    ("Live", "Edit"),
    ("Celebrate (Live It Up)", "Celebrate"),
]


@pytest.mark.parametrize(
    "title, other", [(title, other) for title, others in ONE_WORK.items() for other in others]
)
def test_recordings_of_one_work_share_it(title, other) -> None:
    assert work(title, "Somebody") == work(other, "SOMEBODY")


@pytest.mark.parametrize("title, other", TWO_WORKS)
def test_different_works_stay_apart(title, other) -> None:
    assert work(title, "Somebody") != work(other, "Somebody")


def test_one_title_by_two_artists_is_two_works() -> None:
    assert work("Hallelujah", "Leonard Cohen") != work("Hallelujah", "Jeff Buckley")


def test_guests_of_the_artist_do_not_matter() -> None:
    assert work("Song", "Eminem") == work("Song", "Eminem feat. Rihanna")


@pytest.mark.parametrize("title", ["Live", "(Live)", "- Remastered", "Radio Edit", "!!!", "1979"])
def test_a_title_of_nothing_else_is_kept(title) -> None:
    assert work(title, "a") == work(title, "a") != work("Another", "a")


@given(st.text(max_size=80), st.text(max_size=20))
def test_any_text_has_a_work(title, artist) -> None:
    assert "\0" in work(title, artist)


def test_long_numbers_and_blanks_cost_no_more_than_they_are_long() -> None:
    """A pattern that tries all ways to split them would not come back."""
    assert work("a - " + "1" * 400 + "!", "b").startswith("a ")
    assert work("a" + " (" * 300 + " " * 300, "b").startswith("a")


def test_real_titles_are_joined_where_they_should_be() -> None:
    folder = os.environ.get("DATASETS_DIR")
    if not folder:
        pytest.skip("DATASETS_DIR is not set: real titles are needed")
    with (Path(folder) / "nowplaying" / "tracks.csv").open(encoding="utf-8", newline="") as lines:
        titles = {(row["trackname"], row["artistname"]) for row in csv.DictReader(lines)}
    works = defaultdict(set)
    for title, artist in titles:
        works[work(title, artist)].add(title)
    largest = max(map(len, works.values()))

    assert 0.94 < len(works) / len(titles) < 0.995
    assert largest <= 6
    assert len({work(title, artist) for title, artist in titles if "Remix" in title}) > 150
