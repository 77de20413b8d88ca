"""Real playlists whose names say what they are for, split in halves by playlist."""

import csv
import gzip
import re
from collections import defaultdict

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from bench.harness import datasets
from service.domain import Features, Track
from service.model.catalogue import Catalogue, empty_catalogue

WORDS = {
    "workout": r"work ?out|cardio|gym|fitness|crossfit|run",
    "party": r"party|fiesta|dancefloor|club mix",
    "study": r"study|studying|homework|estudiar",
    "sleep": r"sleep|sleeping|bedtime|dormir",
    "commute": r"drive|driving|car music|road ?trip|commute",
    "focus": r"focus|concentration|coding|workday",
    "relax": r"chill\w*|relax\w*|lounge|mellow|lo-?fi|coffee",
    "happy": r"happy|feel good|good vibes|sunny",
    "sad": r"sad|heartbreak|lonely",
    "energetic": r"energy|energetic|power|warm ?up|bangers|beast",
    "calm": r"calm|peaceful|unplugged|acoustic|soft|slow",
    "romantic": r"romantic|love songs|midnight love|sexy|ballads",
}
"""Whole words, any case. Moods and activities that a listener, not a genre, is named for."""
FEWEST = 4  # playlists, before half of them may say anything about the other half


class Playlist(Struct, frozen=True):
    """Rows of its tracks, and the genre it is filed under."""

    name: str
    genre: str
    rows: NDArray[np.int32]


class Playlists(Struct, frozen=True):
    """All playlists, by id, and the tracks they are made of."""

    catalogue: Catalogue
    by_id: dict[str, Playlist]


def read() -> Playlists:
    """The 471 playlists of spotify_songs; a track carries the genres of all its playlists."""
    path = datasets() / "spotify_songs" / "spotify_songs.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    genres, members = defaultdict(set), defaultdict(list)
    for row in rows:
        genres[row["track_id"]].add(row["playlist_genre"])
        members[row["playlist_id"]].append(row)
    unique = {row["track_id"]: row for row in rows}
    catalogue = empty_catalogue().with_tracks(
        [_track(row, tuple(sorted(genres[track_id]))) for track_id, row in unique.items()]
    )
    return Playlists(
        catalogue,
        {
            playlist_id: Playlist(
                ofs[0]["playlist_name"],
                ofs[0]["playlist_genre"],
                np.unique([catalogue.rows[row["track_id"]] for row in ofs]).astype(np.int32),
            )
            for playlist_id, ofs in sorted(members.items())
        },
    )


def named(playlists: Playlists, label: str) -> list[str]:
    """Ids of the playlists whose name has a word of `label`, in an order drawn once."""
    word = re.compile(rf"\b(?:{WORDS[label]})\b", re.IGNORECASE)
    ids = [one for one, playlist in playlists.by_id.items() if word.search(playlist.name)]
    return [ids[at] for at in np.random.default_rng(0).permutation(len(ids))]


def halves(playlists: Playlists, label: str) -> tuple[list[Playlist], list[Playlist]]:
    """Playlists to fit on, and those to judge on, without the tracks of the former."""
    ids = named(playlists, label)
    fit = [playlists.by_id[one] for one in ids[::2]]
    seen = np.concatenate([one.rows for one in fit]) if fit else np.empty(0, np.int32)
    judged = [playlists.by_id[one] for one in ids[1::2]]
    return fit, [
        Playlist(one.name, one.genre, np.setdiff1d(one.rows, seen).astype(np.int32))
        for one in judged
    ]


def others(playlists: Playlists, label: str, genre: str | None = None) -> NDArray[np.int32]:
    """Rows of tracks on no playlist of `label`; on one of that genre, when one is given."""
    mine = [playlists.by_id[one].rows for one in named(playlists, label)]
    rest = [one.rows for one in playlists.by_id.values() if genre in (None, one.genre)]
    return np.setdiff1d(np.concatenate(rest), np.concatenate(mine)).astype(np.int32)


def _track(row: dict[str, str], genres: tuple[str, ...]) -> Track:
    names = Features.__struct_fields__
    return Track(
        id=row["track_id"],
        title=row["track_name"][:200] or "untitled",
        artist=row["track_artist"][:200] or "unknown",
        genres=genres,
        features=Features(**{name: float(row[name]) for name in names}),
    )
