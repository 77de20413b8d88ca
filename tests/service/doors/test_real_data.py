"""The real files of DATASETS_DIR, with the counts its README.md gives; skipped without them."""

from tests.service.doors.house import sums


def test_nowplaying(house, datasets) -> None:
    folder = datasets / "nowplaying"
    tracks = house.bring("tracks-spotify", folder / "tracks.csv")
    columns = {"user": "user_id", "track": "track_id"}
    listens = house.bring("interactions", folder / "interactions.csv.gz", **columns)

    assert (8_183, 8_183, 0, 0) == sums(tracks)
    assert (176_097, 176_097, 0, 0) == sums(listens)
    assert (8_807, 6_337) == (
        len({one.user_id for one in house.listens()}),
        len({one.track_id for one in house.listens()}),
    )
    again = house.bring("interactions", folder / "interactions.csv.gz", **columns)
    assert (176_097, 0, 176_097, 0) == sums(again)


def test_spotify_songs(house, datasets) -> None:
    path = datasets / "spotify_songs" / "spotify_songs.csv.gz"

    assert (32_833, 28_356, 4_477, 0) == sums(house.bring("tracks-spotify", path))
    assert (32_833, 0, 32_833, 0) == sums(house.bring("tracks-spotify", path))
    assert all(track.features.energy is not None for track in house.tracks())


def test_fma(house, datasets) -> None:
    folder = datasets / "fma"
    summary = house.bring("fma", folder / "echonest-metrics.json", folder / "swooshstreams.csv")

    assert (13_129 + 7_792, 13_129, 7_792, 0) == sums(summary)
    assert 7_792 == sum(track.artist != "unknown" for track in house.tracks())


def test_hetrec(house, datasets) -> None:
    path = datasets / "lastfm_2k" / "hetrec2011-lastfm-2k.zip"
    summary = house.bring("hetrec", path)
    listens = house.listens()

    assert (17_632 + 92_834, 17_632, 92_834) == (summary.read, summary.tracks, summary.listens)
    assert (1_892, 17_632) == (
        len({one.user_id for one in listens}),
        len({one.track_id for one in listens}),
    )
    assert not any(one.timed for one in listens)
