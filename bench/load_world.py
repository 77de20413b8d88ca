"""The world that loads run against: made once, kept beside the kernels, copied for every run."""

import shutil
import sqlite3
from pathlib import Path

from bench.bench_serving import echotune

CACHE = Path(__file__).parents[1] / ".cache" / "load"
FULL, QUICK = 100_000, 2_000  # tracks, and as many listeners
LISTENS_EACH = 20


def size(*, quick: bool) -> int:
    """How many tracks, and listeners, there are."""
    return QUICK if quick else FULL


def world(folder: Path, *, quick: bool) -> Path:
    """A data folder inside `folder` with the demo world and its model; made in 5 minutes."""
    n = size(quick=quick)
    kept = CACHE / str(n)
    if not (kept / "done").exists():
        shutil.rmtree(kept, ignore_errors=True)
        many = ("--tracks", n, "--listeners", n, "--listens", LISTENS_EACH * n)
        echotune(kept, "demo", *map(str, many))
        echotune(kept, "train")
        (kept / "done").touch()
    return Path(shutil.copytree(kept, folder / "data"))


def names(home: Path) -> tuple[list[str], list[str]]:
    """Ids of all users and of all tracks."""
    with sqlite3.connect(home / "echotune.db") as connection:
        users = [name for (name,) in connection.execute("SELECT id FROM users ORDER BY id")]
        tracks = [name for (name,) in connection.execute("SELECT id FROM tracks ORDER BY row")]
    connection.close()
    return users, tracks


def stored(home: Path, prefix: str) -> int:
    """How many listens have an id that begins so."""
    with sqlite3.connect(home / "echotune.db") as connection:
        (count,) = connection.execute(
            "SELECT count(*) FROM listens WHERE id >= ? AND id < ?", (prefix, prefix + "~")
        ).fetchone()
    connection.close()
    return int(count)
