"""`echotune experiment estimate` and `simulate`, as typed."""

import asyncio
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from service.cli import echotune
from service.domain import Listen, ShownList, Variant
from service.errors import UnknownExperiment
from service.experiments import lifecycle
from service.experiments.lifecycle import Draft
from service.experiments.report import Report
from service.learn.ingest import listen_id
from service.recommend.tuning import tuning_of
from service.store.sqlite import SqliteStore
from tests import worlds

ROOT = Path(__file__).parents[3]
YESTERDAY = datetime.now(UTC) - timedelta(hours=30)


@pytest.fixture(autouse=True)
def home(data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ECHOTUNE_DATA_DIR", str(data))
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")  # set by commands; this process keeps its own
    return data


def typed(*words: object) -> Result:
    return CliRunner().invoke(echotune, ["experiment", *map(str, words)])


async def shown_yesterday(home: Path) -> None:
    """Everybody saw twelve tracks, the last two drawn from ten, and played the first of them."""
    store = SqliteStore(home / "echotune.db")
    tracks = [one.id for one in worlds.tracks()]
    await store.put_tracks(worlds.tracks())
    earlier = [replace(one, at=one.at - timedelta(days=9)) for one in worlds.listens()]
    await store.append([replace(one, id=listen_id(one, one.at)) for one in earlier])
    users = sorted({one.user_id for one in earlier})
    variants = (Variant(name="control"), Variant(name="explored", settings={"explored": 2.0}))
    await lifecycle.create(store, Draft(name="calm", variants=variants), tuning_of)
    arms, chances = {"calm": "explored"}, [1.0] * 10 + [0.2] * 2
    for place, user in enumerate(users):
        some = tracks[place : place + 12]
        await store.put_shown([ShownList(user, f"l{place}", some, chances, arms, YESTERDAY)])
        at = YESTERDAY + timedelta(minutes=3)
        play = Listen(user_id=user, track_id=some[0], at=at, id="p", list_id=f"l{place}")
        await store.append([play])
    await store.close()


def test_an_estimate_says_what_was_and_what_might_have_been(home: Path) -> None:
    asyncio.run(shown_yesterday(home))
    ran = typed("estimate", "calm", "--set", "strategies=trending")

    assert 0 == ran.exit_code, ran.output
    users = len({one.user_id for one in worlds.listens()})
    assert f"{users:,} lists with {12 * users:,} places" in ran.output
    assert "as shown       0.0833" in ran.output  # one of twelve
    assert "other (IPS)" in ran.output
    assert "other (SNIPS)" in ran.output
    assert "warning: what was shown and what the other would show hardly overlap" in ran.output


def test_lists_of_the_last_day_and_of_before_are_not_asked(home: Path) -> None:
    """Of what may still be played from, and of what is older than was wanted, nothing is known."""
    asyncio.run(shown_yesterday(home))
    ran = typed("estimate", "calm", "--set", "balance=0.1", "--hours", "1")

    assert "no list was shown that could be learned from" in str(ran.exception)


def test_an_estimate_of_nothing_is_one_line(home: Path) -> None:
    asyncio.run(shown_yesterday(home))

    assert isinstance(
        typed("estimate", "nobody", "--set", "balance=1").exception, UnknownExperiment
    )


@pytest.mark.parametrize("form, begins", [("text", "SIMULATION"), ("json", "{"), ("html", "<!doc")])
def test_a_simulation_says_that_it_is_one_and_nothing_else(home: Path, form: str, begins: str):
    """A process of its own: what is logged meanwhile must not get into the report."""
    words = "experiment simulate --variant strategies=trending --listeners 20 --days 1 --format"
    env = os.environ | {"ECHOTUNE_DATA_DIR": str(home)}
    ran = subprocess.run(
        [sys.executable, "-m", "service", *words.split(), form],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == ran.returncode, ran.stderr
    assert ran.stdout.startswith(begins)
    assert "SIMULATION" in ran.stdout
    assert "model judged" in ran.stderr
    assert "none of these listeners exists" in ran.stderr
    if form == "json":
        assert "SIMULATION" == msgspec.json.decode(ran.stdout, type=Report).name
