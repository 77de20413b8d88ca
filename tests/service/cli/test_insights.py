"""echotune insights: lists made now, for nobody to see."""

import asyncio
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from msgspec import structs

from service.bootstrap import open_house
from service.cli import echotune
from service.learn.insights import Insights
from service.model import files
from service.settings import Settings
from tests import worlds
from tests.service.given import catalogue, model


def run(*words: str) -> str:
    return CliRunner().invoke(echotune, ["insights", *words], catch_exceptions=False).output


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A data folder with nothing in it."""
    monkeypatch.setenv("ECHOTUNE_DATA_DIR", str(tmp_path))
    module = sys.modules["service.cli.insights"]  # the name itself is the command
    monkeypatch.setattr(module, "prepare_kernels", lambda _: False)
    return Settings(data_dir=str(tmp_path))


@pytest.fixture
def world(settings: Settings) -> Settings:
    """The small world and a model of it."""

    async def fill() -> None:
        async with open_house(settings) as house:
            await house.shelf.put(worlds.tracks())
            listens = enumerate(worlds.listens())
            await house.store.append([structs.replace(one, id=str(at)) for at, one in listens])

    asyncio.run(fill())
    known = catalogue()
    ids = [brief.id for brief in known.briefs]
    files.save(model(known), ids, settings.home / "models")
    files.activate(settings.home / "models", "v1")
    return settings


def decoded(*words: str) -> Insights:
    return msgspec.json.decode(run("--format", "json", *words), type=Insights)


def test_lists_are_made_for_a_sample_spread_over_the_listeners(world: Settings) -> None:
    few, all_ = decoded("--listeners", "3"), decoded()

    assert ("made", "v1", 60) == (few.source, few.model, few.catalogue)
    assert (3, 3, 45) == (few.all.listeners, few.all.lists, all_.all.listeners)
    assert 0 < few.all.tracks < all_.all.tracks
    assert [0, 45] == [all_.groups[0].lists, all_.groups[2].lists]  # all like twelve tracks
    assert {"jazz", "metal", "folk"} == {one.name for one in few.genres}
    assert all(one.shown for one in few.genres)  # the three of the sample have three tastes


def test_text_goes_to_the_terminal_and_a_page_to_a_file(world: Settings, tmp_path: Path) -> None:
    target = tmp_path / "insights.html"
    said = run("--format", "html", "--output", str(target), "--listeners", "2")

    assert said.startswith(f"{target}: insights as of ")
    assert target.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert "45 lists of 45 listeners, made now for a sample" in run()


def test_an_empty_store_without_a_model_says_so(settings: Settings) -> None:
    said = run()

    assert "No list was made: there is nobody the model knows." in said
    assert "0 tracks in the catalogue; no model has been fitted yet" in said


def test_the_command_costs_no_start_its_kernels() -> None:
    code = "import sys, service.cli; print({'core', 'numba', 'numpy'} & set(sys.modules))"
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "set()\n" == made.stdout
