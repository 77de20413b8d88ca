"""The world that loads run against: made once, kept beside the kernels, copied for every run.

That of MongoDB is smaller, since what stands in for one here stores 3,000 listens a second; the
SQLite file stays beside it, for the names.
"""

import shutil
import sqlite3
from pathlib import Path

from pymongo import MongoClient

from bench.bench_serving import echotune
from tests import servers

CACHE = Path(__file__).parents[1] / ".cache" / "load"
FULL, IN_MONGO, QUICK = 100_000, 10_000, 2_000  # tracks, and as many listeners
DATABASE = "echotune"
LISTENS_EACH = 20


def size(*, quick: bool, mongo: bool = False) -> int:
    """How many tracks, and listeners, there are."""
    if quick:
        return QUICK
    return IN_MONGO if mongo else FULL


def world(folder: Path, *, quick: bool, mongo: bool = False) -> Path:
    """A data folder inside `folder` with the demo world and its model; made in 5 minutes."""
    n = size(quick=quick, mongo=mongo)
    kept = CACHE / f"{n}{'-mongo' * mongo}"
    if not (kept / "done").exists():
        shutil.rmtree(kept, ignore_errors=True)
        many = ("--tracks", n, "--listeners", n, "--listens", LISTENS_EACH * n)
        echotune(kept, "demo", *map(str, many))
        if mongo:
            _into_mongo(kept)
        else:
            echotune(kept, "train")
        (kept / "done").touch()
    return Path(shutil.copytree(kept, folder / "data"))


def _into_mongo(home: Path) -> None:
    """Copy what SQLite holds, as an operator would, and fit there."""
    copied = home / "export.jsonl.gz"
    echotune(home, "export", copied)
    with servers.mongo(home) as server:
        there = {"ECHOTUNE_MONGO_URL": server.url + DATABASE}
        echotune(home, "import", "echotune", copied, settings=there)
        echotune(home, "train", settings=there)
    copied.unlink()


def world_of_demo(folder: Path) -> Path:
    """The world of a first start, in a folder of its own."""
    home = folder / "demo"
    home.mkdir()
    echotune(home, "demo")
    echotune(home, "train")
    return home


def names(home: Path) -> tuple[list[str], list[str]]:
    """Ids of all users and of all tracks."""
    with sqlite3.connect(home / "echotune.db") as connection:
        users = [name for (name,) in connection.execute("SELECT id FROM users ORDER BY id")]
        tracks = [name for (name,) in connection.execute("SELECT id FROM tracks ORDER BY row")]
    connection.close()
    return users, tracks


def stored(home: Path, prefix: str, mongo_url: str = "") -> int:
    """How many listens have an id that begins so."""
    if mongo_url:
        client: MongoClient[dict[str, object]]
        with MongoClient(mongo_url) as client:
            wanted = {"id": {"$gte": prefix, "$lt": prefix + "~"}}
            return int(client[DATABASE].listens.count_documents(wanted))
    with sqlite3.connect(home / "echotune.db") as connection:
        (count,) = connection.execute(
            "SELECT count(*) FROM listens WHERE id >= ? AND id < ?", (prefix, prefix + "~")
        ).fetchone()
    connection.close()
    return int(count)
