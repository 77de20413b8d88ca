"""The public datasets and splits that quality is measured on (protocols N, S and K).

A protocol is a catalogue, the pairs to fit on, to choose by and to be judged on, split to
the letter of its description, so that figures can be held against published ones.
"""

import csv
import gzip
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from service.domain import Track
from service.doors.importers.row import Options
from service.doors.importers.spotify import read as read_spotify
from service.errors import UnusableFile
from service.learn.pareto import Goal
from service.learn.protocol import Protocol
from service.learn.recipe import Recipe
from service.learn.selection import hold_out
from service.model.catalogue import empty_catalogue

NOWPLAYING_LEAST = 5
HETREC_LEAST = 5
COLD_TRACKS, COLD_USERS = 397, 2_000
LASTFM_RECIPES = [
    Recipe(),
    Recipe(alpha=30, factors_l2=110),
    Recipe(l2=50, l2_per_listener=3, alpha=30, factors_l2=110),
    Recipe(
        l2=150, l2_per_listener=4, popularity_exponent=0.25, target_exponent=0.15,
        alpha=30, factors_l2=110,
    ),
]  # fmt: skip
"""The best of a wider search on the validation file of protocol S (docs/adr/0008)."""


def protocol_n(datasets: Path) -> Protocol:
    """#nowplaying playlists on Spotify tracks: 8,807 users, 3,972 tracks, metrics at 20.

    Raises:
        UnusableFile: the files are not there.
    """
    folder = _folder(datasets, "nowplaying")
    with gzip.open(folder / "interactions.csv.gz", "rt", encoding="utf-8") as file:
        rows = [(row["user_id"], row["track_id"]) for row in csv.DictReader(file)]
    users, tracks = (np.array(column) for column in zip(*rows, strict=True))
    ids, codes, counts = np.unique(tracks, return_inverse=True, return_counts=True)
    kept = counts[codes] >= NOWPLAYING_LEAST
    ids, codes = np.unique(tracks[kept], return_inverse=True)
    names, users = np.unique(users[kept], return_inverse=True)
    shape = (len(names), len(ids))
    test = np.random.default_rng(42).random(len(codes)) < 0.2
    train = np.flatnonzero(~test)
    held = np.random.default_rng(1).random(len(train)) < 0.1
    known = {
        row.made.id: row.made
        for row in read_spotify([folder / "tracks.csv"], Options()).rows
        if isinstance(row.made, Track)
    }
    return Protocol(
        name="n",
        k=20,
        catalogue=empty_catalogue().with_tracks([known[str(one)] for one in ids]),
        fit=_matrix(users, codes, train[~held], shape),
        chosen_on=_matrix(users, codes, train[held], shape),
        final=_matrix(users, codes, train, shape),
        test=_matrix(users, codes, np.flatnonzero(test), shape),
        recipes=[Recipe(), Recipe(directions=192)],
        bars={"recall": 0.3171, "ndcg": 0.2464},
    )


def protocol_n_cold(datasets: Path) -> Protocol:
    """#nowplaying with 397 tracks that nobody has heard yet: only content can find them.

    The blend is chosen as `echotune train` chooses it, on a tenth of the pairs of the other tracks.

    Raises:
        UnusableFile: the files are not there.
    """
    whole = protocol_n(datasets)
    pairs = (whole.final + whole.test).tocoo()
    cold = np.zeros(whole.catalogue.size, np.bool_)
    cold[np.random.default_rng(7).permutation(whole.catalogue.size)[:COLD_TRACKS]] = True
    of_cold = cold[pairs.col]
    users, tracks = pairs.row.astype(np.int64), pairs.col.astype(np.int64)
    judged = np.isin(users, np.unique(users[of_cold])[:COLD_USERS])
    final = _matrix(users, tracks, np.flatnonzero(~of_cold), pairs.shape)
    fit, chosen_on = hold_out(final)
    return Protocol(
        name="n-cold",
        k=20,
        catalogue=whole.catalogue,
        fit=fit,
        chosen_on=chosen_on,
        final=final,
        test=_matrix(users, tracks, np.flatnonzero(of_cold & judged), pairs.shape),
        recipes=[Recipe()],
        bars={"recall": 0.19},
        judged="content alone",
    )


def protocol_s(datasets: Path) -> Protocol:
    """The fixed Last.fm split of LightGCN++: 1,885 users, 17,388 artists, metrics at 10.

    Raises:
        UnusableFile: the files are not there.
    """
    folder = _folder(datasets, "lastfm_split")
    parts = [_split_file(folder / f"{name}.txt") for name in ("train", "valid", "test")]
    users, items = (int(max(part[axis].max() for part in parts)) + 1 for axis in (0, 1))
    shape = (users, items)
    fit, chosen_on, test = (_matrix(*part, np.arange(len(part[0])), shape) for part in parts)
    catalogue = empty_catalogue().with_tracks(
        [Track(id=str(code), title=f"artist {code}", artist=str(code)) for code in range(items)]
    )
    return Protocol(
        name="s",
        k=10,
        catalogue=catalogue,
        fit=fit,
        chosen_on=chosen_on,
        final=fit,  # the protocol forbids fitting on the validation file
        test=test,
        recipes=LASTFM_RECIPES,
        bars={"recall": 0.1894, "ndcg": 0.2177},
    )


def protocol_k(datasets: Path) -> Protocol:
    """HetRec Last.fm for the whole catalogue's sake: 1,859 users, 2,823 artists, metrics at 10.

    Raises:
        UnusableFile: the file is not there.
    """
    path = _folder(datasets, "lastfm_2k") / "hetrec2011-lastfm-2k.zip"
    with zipfile.ZipFile(path) as archive:
        lines = archive.read("user_artists.dat").decode("ascii").splitlines()[1:]
    users, tracks = np.array([line.split("\t")[:2] for line in lines], np.int64).T
    while True:
        kept = (np.bincount(tracks)[tracks] >= HETREC_LEAST) & (
            np.bincount(users)[users] >= HETREC_LEAST
        )
        if kept.all():
            break
        users, tracks = users[kept], tracks[kept]
    names, users = np.unique(users, return_inverse=True)
    artists, tracks = np.unique(tracks, return_inverse=True)
    shape = (len(names), len(artists))
    test = np.random.default_rng(0).random(len(users)) < 0.2
    train = np.flatnonzero(~test)
    held = np.random.default_rng(1).random(len(train)) < 0.1
    catalogue = empty_catalogue().with_tracks(
        [Track(id=str(code), title=f"artist {code}", artist=str(code)) for code in artists]
    )
    return Protocol(
        name="k",
        k=10,
        catalogue=catalogue,
        fit=_matrix(users, tracks, train[~held], shape),
        chosen_on=_matrix(users, tracks, train[held], shape),
        final=_matrix(users, tracks, train, shape),
        test=_matrix(users, tracks, np.flatnonzero(test), shape),
        recipes=LASTFM_RECIPES,
        bars={"ndcg": 0.29},
        goals=[
            Goal(name="relevance", ndcg=0.29),
            Goal(name="coverage", ndcg=0.285, coverage=0.7),
            Goal(name="even exposure", ndcg=0.215, coverage=0.7, gini=0.3, novelty=0.6),
        ],
    )


PROTOCOLS = {"n": protocol_n, "n-cold": protocol_n_cold, "s": protocol_s, "k": protocol_k}


def _folder(datasets: Path, name: str) -> Path:
    folder = datasets / name
    if not folder.is_dir():
        raise UnusableFile(
            f"{folder} is not there: set DATASETS_DIR to the folder that holds {name}/"
        )
    return folder


def _split_file(path: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Lines of "user item item ..." as two columns."""
    lines = [line.split() for line in path.read_text(encoding="ascii").splitlines()]
    users = [int(words[0]) for words in lines for _ in words[1:]]
    return np.array(users), np.array([int(word) for words in lines for word in words[1:]])


def _matrix(
    users: NDArray[np.int64],
    tracks: NDArray[np.int64],
    kept: NDArray[np.int64],
    shape: tuple[int, int],
) -> csr_array:
    ones = np.ones(len(kept), np.float32)
    matrix = csr_array((ones, (users[kept], tracks[kept])), shape=shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1  # a pair listed twice is one pair
    return matrix
