"""echotune models: which version serves, said in a terminal, heard by a house that runs."""

import asyncio
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec import structs

from service.bootstrap import open_house
from service.cli import echotune
from service.errors import Conflict, UnknownModel
from service.model import files
from service.model.verdict import FIRST, Verdict
from service.settings import Settings
from tests import worlds
from tests.service.given import catalogue, model

REFUSED = Verdict(passed=False, why="worse than v2")
VERSIONS = {"v1": None, "v2": FIRST, "v3": REFUSED}


def run(*words: str) -> str:
    return CliRunner().invoke(echotune, ["models", *words], catch_exceptions=False).output


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A data folder with three versions, the second of which serves."""
    monkeypatch.setenv("ECHOTUNE_DATA_DIR", str(tmp_path))
    module = sys.modules["service.cli.models"]  # the name itself is the command
    monkeypatch.setattr(module, "prepare_kernels", lambda _: False)
    settings = Settings(data_dir=str(tmp_path))

    async def fill() -> None:
        async with open_house(settings) as house:
            await house.shelf.put(worlds.tracks())

    asyncio.run(fill())
    known = catalogue()
    for version, verdict in VERSIONS.items():
        fitted = structs.replace(
            model(known, metrics={"hybrid.ndcg": 0.25}), version=version, verdict=verdict
        )
        files.save(fitted, [brief.id for brief in known.briefs], settings.home / "models")
    files.activate(settings.home / "models", "v2")
    return settings


def test_versions_are_listed_with_what_the_gate_said(settings: Settings) -> None:
    assert [
        "  v3  0.2500  refused: worse than v2",
        "* v2  0.2500  passed: nothing served that it could be compared with",
        "  v1  0.2500  fitted before there was a quality gate",
    ] == run("list").splitlines()
    assert "v2" == files.current(settings.home / "models")


def test_any_version_that_is_kept_can_be_activated(settings: Settings) -> None:
    assert "v3 serves\n" == run("activate", "v3")
    assert "v3" == files.current(settings.home / "models")
    with pytest.raises(UnknownModel, match="there is no model 'v9'"):
        run("activate", "v9")


def test_one_command_goes_back_and_again_one_further(settings: Settings) -> None:
    assert "v1 serves\n" == run("rollback")
    assert "v1" == files.current(settings.home / "models")
    with pytest.raises(Conflict, match="there is none to go back to"):
        run("rollback")


async def test_a_house_that_runs_follows(settings: Settings) -> None:
    """The command is another process: it tells nobody, and is found out within a second."""
    async with open_house(settings, watch=True) as house:
        before = house.trainer.serving
        await asyncio.to_thread(run, "rollback")
        async with asyncio.timeout(30):
            while house.trainer.serving == before:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.05)
        after = house.trainer.serving

    assert ("v2", "v1") == (before, after)
