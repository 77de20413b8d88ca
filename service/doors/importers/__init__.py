"""Importers: one file per format, each turning files into rows; `run` stores the rows."""

from collections.abc import Callable, Sequence
from pathlib import Path

from service.doors.importers import (
    fma,
    hetrec,
    interactions,
    jsonl,
    lastfm,
    listenbrainz,
    maloja,
    scrobbler_log,
    spotify,
    spotify_history,
)
from service.doors.importers.row import Options, Reading, Row
from service.doors.importers.runner import Summary, run

FORMATS: dict[str, Callable[[Sequence[Path], Options], Reading]] = {
    "tracks-spotify": spotify.read,
    "tracks-jsonl": jsonl.read_tracks,
    "listens-jsonl": jsonl.read_listens,
    "interactions": interactions.read,
    "fma": fma.read,
    "hetrec": hetrec.read,
    "spotify": spotify_history.read,
    "listenbrainz": listenbrainz.read,
    "lastfm": lastfm.read,
    "scrobbler-log": scrobbler_log.read,
    "maloja": maloja.read,
}
"""Each checks all its files before the first row; a file that is no use raises `UnusableFile`."""

__all__ = ["FORMATS", "Options", "Reading", "Row", "Summary", "run"]
