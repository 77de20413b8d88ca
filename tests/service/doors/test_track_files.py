"""Tracks from Spotify-shaped CSVs, the Free Music Archive and HetRec."""

import json
import zipfile

import pytest

from service.base62 import minted
from service.errors import UnusableFile
from tests.service.doors.house import reasons, sums

TIDY = (
    "track_id,track_name,track_artist,track_popularity,track_album_name,track_album_release_date,"
    "playlist_genre,playlist_subgenre,danceability,energy,loudness,tempo,duration_ms\n"
)
ID = "4rr67zXmEYf9ykLigeEsbv"


def tidy(house, *rows: str, name: str = "tracks.csv"):
    return house.bring("tracks-spotify", house.file(name, TIDY + "\n".join(rows)))


def test_a_spotify_row(house) -> None:
    tidy(
        house,
        f'{ID},"Hello, World",Somebody,23,Album,1986-05-01,rock,album rock,.4,.5,-17,81.8,200',
    )
    track = house.track(ID)

    assert ("Hello, World", "Somebody", "Album") == (track.title, track.artist, track.album)
    assert (("rock", "album rock"), "1986-05-01", 23.0) == (
        track.genres,
        track.released,
        track.popularity,
    )
    assert (0.4, 0.5, -17.0, 81.8, None) == (
        track.features.danceability,
        track.features.energy,
        track.features.loudness,
        track.features.tempo,
        track.features.valence,
    )
    assert {"spotify": ID} == track.aliases


def test_a_track_on_several_rows_gathers_genres_and_fills_holes(house) -> None:
    rows = [
        f"{ID},Song,Artist,,,1986,rock,album rock,,.5,,,",
        f"{ID},Song,Artist,23,Album,1986,rock,hard rock,.4,.9,,,",
        f"{ID},Song,Artist,23,Album,1986,pop,NA,.4,.5,,,",
    ]
    summary = tidy(house, *rows)
    track = house.track(ID)

    assert (3, 1, 2, 0) == sums(summary)
    assert ("rock", "album rock", "hard rock", "pop") == track.genres
    assert ("Album", 23.0, 0.4, 0.5) == (
        track.album,
        track.popularity,
        track.features.danceability,
        track.features.energy,
    )
    assert (3, 0, 3, 0) == sums(tidy(house, *rows))


@pytest.mark.parametrize("text", ["", "NaN", "nan", "NA", "inf", "-Infinity", "null", " "])
def test_a_feature_that_is_missing(house, text: str) -> None:
    assert (1, 1, 0, 0) == sums(tidy(house, f"{ID},S,A,,,,,,{text},.5,,,"))
    assert (None, 0.5) == (house.track(ID).features.danceability, house.track(ID).features.energy)


@pytest.mark.parametrize(
    "row, reason",
    [
        (f"{ID},S,A,,,,,,1.2,,,,", "Expected `float` <= 1.0 - at `$.features.danceability`"),
        (f"{ID},S,A,,,,,,-1,,,,", "Expected `float` >= 0.0 - at `$.features.danceability`"),
        (f"{ID},S,A,,,,,,loud,,,,", "danceability is no number: 'loud'"),
        (f"{ID},S,A,,,,,,1_0,,,,", "danceability is no number: '1_0'"),
        (f"{ID},S,A,101,,,,,,,,,", "Expected `float` <= 100.0 - at `$.popularity`"),
        (f"{ID},S,A,,,,,,,,,,1e12", "Expected `int` <= 86400000 - at `$.duration_ms`"),
        (",S,A,,,,,,,,,,", "no track id"),
        (f"{ID},S,A", "3 fields where the header has 13"),
    ],
)
def test_a_row_out_of_range_is_rejected_and_the_next_one_stored(house, row, reason) -> None:
    summary = tidy(house, row, "b,Song,Artist,,,,,,,,,,")

    assert (2, 1, 0, 1) == sums(summary)
    assert [reason] == reasons(house)


def test_a_track_without_a_name_keeps_its_listens(house) -> None:
    tidy(house, "a,NA,NA,,NA,,,,,,,,", "b,,,,,,,,,,,,", "c,NA,Somebody,,,,,,,,,,")
    names = [(track.title, track.artist) for track in house.tracks()]

    assert [("unknown", "unknown"), ("unknown", "unknown"), ("NA", "Somebody")] == names


@pytest.mark.parametrize(
    "text, released",
    [
        ("1986", "1986"),
        ("1986-05", "1986-05"),
        ("1986-05-01T00:00:00", "1986-05-01"),
        ("1986-00-00", "1986"),
        ("1986-13-01", "1986"),
        ("May 1986", None),
        ("19860501", None),
        ("", None),
    ],
)
def test_dates_are_taken_as_far_as_they_go(house, text: str, released: str | None) -> None:
    tidy(house, f"{ID},S,A,,,{text},,,,,,,")

    assert released == house.track(ID).released


def test_other_spellings_of_the_columns(house) -> None:
    text = (
        "\ufeffID,Name,Artists,popularity,release_date,track_genre,explicit,energy\r\n"
        "x,Song,\"['Ann', 'Bob']\",5,2001,\"['Rock', 'Pop']\",True,0.5\r\n"
        "y,Song,Ann;Bob,5,2001,rock,False,0.5"
    )
    house.bring("tracks-spotify", house.file("data.csv", text))

    assert ("Ann, Bob", ("rock", "pop"), True) == (
        house.track("x").artist,
        house.track("x").genres,
        house.track("x").explicit,
    )
    assert ("Ann, Bob", False) == (house.track("y").artist, house.track("y").explicit)


@pytest.mark.parametrize("name", ["track_id", "track_name", "track_artist"])
def test_a_column_that_is_not_there(house, name: str) -> None:
    path = house.file("tracks.csv", TIDY.replace(name, "other") + "a,b,c,,,,,,,,,,\n")

    with pytest.raises(UnusableFile, match=f"tracks.csv line 1: no column '{name}' or .* among"):
        house.bring("tracks-spotify", path)


METRICS = {
    "track_id": {"0": 2, "1": 3, "2": 9},
    "energy": {"0": 0.63, "1": 0.25, "2": float("nan")},
    "tempo": {"0": 165.9, "1": None, "2": 1e9},
}
STREAMS = ",track_id,energy,artist_name,album_name,genre_top,listens,song_title\n"


def test_fma_from_both_files(house) -> None:
    streams = STREAMS + '0,2,0.6,AWOL,A Way Of Life,Hip-Hop,6073,Food\n1,7,0.5,"B, C",X,,0,Y\n'
    files = (
        house.file("echonest-metrics.json", json.dumps(METRICS)),
        house.file("swooshstreams.csv.gz", streams),
    )
    summary = house.bring("fma", *files)
    food, bare = house.track(minted("fma", "2")), house.track(minted("fma", "3"))

    assert (5, 3, 1, 1) == sums(summary)
    assert ("Food", "AWOL", ("hip-hop",), 75.7) == (
        food.title,
        food.artist,
        food.genres,
        food.popularity,
    )
    assert (0.6, 165.9) == (food.features.energy, food.features.tempo)
    assert ("FMA track 3", "unknown", {"fma": "3"}) == (bare.title, bare.artist, bare.aliases)
    assert ["Expected `float` <= 1000.0 - at `$.features.tempo`"] == reasons(house)
    assert (5, 0, 4, 1) == sums(house.bring("fma", *files))


def test_fma_from_a_zip_of_both(house) -> None:
    path = house.folder / "fma.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data/swooshstreams.csv", STREAMS + "0,2,0.6,AWOL,A,Hip-Hop,1,Food\n")
        archive.writestr("data/echonest-metrics.json", json.dumps(METRICS))

    assert (4, 2, 1, 1) == sums(house.bring("fma", path))
    assert "Food" == house.track(minted("fma", "2")).title


def test_fma_features_alone_do_not_take_a_name_away(house) -> None:
    house.bring("fma", house.file("s.csv", STREAMS + "0,2,0.6,AWOL,A,Hip-Hop,1,Food\n"))
    summary = house.bring("fma", house.file("echonest-metrics.json", json.dumps(METRICS)))

    assert (3, 1, 1, 1) == sums(summary)
    assert "Food" == house.track(minted("fma", "2")).title


@pytest.mark.parametrize(
    "content, sentence",
    [
        ('{"track_id": {"0": 2', "line 1: not complete JSON"),
        ('{"energy": {"0": 2}}', "no column 'track_id'"),
        ('{"track_id": [1, 2]}', "no column 'track_id'"),
        ("[1, 2]", "no column 'track_id'"),
        ("[" * 100_000, "nested too deep"),
        ("a,b\n1,2\n", "no column 'track_id'"),
    ],
)
def test_fma_files_that_are_something_else(house, content: str, sentence: str) -> None:
    with pytest.raises(UnusableFile, match=sentence):
        house.bring("fma", house.file("echonest-metrics.json", content))


PLAYS = "userID\tartistID\tweight\r\n2\t51\t13883\r\n2\t52\t0\r\n3\t51\t4\r\n"
ARTISTS = b'id\tname\turl\n51\tDuran "D" Duran\thttp://x\n52\tCaf\xe9\thttp://x\n53\n'


def test_hetrec_from_a_folder_with_dirty_names(house) -> None:
    house.file("user_artists.dat", PLAYS)
    house.file("artists.dat", ARTISTS)
    summary = house.bring("hetrec", house.folder)
    first, second, third = house.tracks()

    assert (6, 5, 0, 1) == sums(summary)
    assert ['Duran "D" Duran', "Café", "artist 53"] == [first.title, second.artist, third.title]
    assert {"hetrec": "51"} == first.aliases
    assert [("2", 13883, False), ("3", 4, False)] == [
        (one.user_id, one.plays, one.timed) for one in house.listens()
    ]
    assert (6, 0, 5, 1) == sums(house.bring("hetrec", house.folder / "user_artists.dat"))


def test_hetrec_from_the_zip(house) -> None:
    path = house.zip(
        "hetrec2011-lastfm-2k.zip",
        user_friends__dat="userID\tfriendID\n",
        user_artists__dat=PLAYS,
        artists__dat=ARTISTS.decode("latin-1"),
    )

    assert (6, 5, 0, 1) == sums(house.bring("hetrec", path))


def test_hetrec_without_names_calls_artists_by_number(house) -> None:
    summary = house.bring("hetrec", house.file("user_artists.dat", PLAYS))

    assert ((3, 2, 0, 1), 1) == (sums(summary), summary.created)
    assert "artist 51" == house.track(minted("hetrec", "51")).title


def test_hetrec_of_another_kind(house) -> None:
    with pytest.raises(UnusableFile, match="no column 'userID' among artistID, weight"):
        house.bring("hetrec", house.file("user_artists.dat", "artistID\tweight\n1\t2\n"))
    (house.folder / "sub").mkdir()
    with pytest.raises(UnusableFile, match=r"holds no user_artists\.dat"):
        house.bring("hetrec", house.folder / "sub")
