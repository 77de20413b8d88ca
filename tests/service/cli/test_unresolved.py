"""echotune unresolved, over a store on disk."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from service.adapters import open_store
from service.bus import Bus
from service.cli import echotune
from service.domain import Track
from service.doors.identity import Claim, Resolver
from service.learn.shelf import Shelf
from service.model.catalogue import empty_catalogue
from service.settings import Settings

KNOWN = Track(id="known", title="Together Forever", artist="Rick Astley")


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A catalogue of one track, and names that became another."""
    monkeypatch.setenv("ECHOTUNE_DATA_DIR", str(tmp_path))

    async def fill() -> str:
        store = await open_store(Settings(data_dir=str(tmp_path)))
        shelf = Shelf(store, Bus())
        await shelf.put([KNOWN])
        catalogue = empty_catalogue().with_tracks([KNOWN])
        resolver = Resolver(store, shelf, lambda: catalogue)
        (track_id,) = await resolver.resolve([Claim(artist="R. A.", title="Together 4ever")])
        await store.close()
        return track_id

    return asyncio.run(fill())


def told(*words: str) -> str:
    return CliRunner().invoke(echotune, ["unresolved", *words], catch_exceptions=False).output


def test_names_are_listed_assigned_and_taken_back(made) -> None:
    listed = json.loads(told("list"))
    assigned = told("assign", "R. A.", "Together 4ever", "known")
    settled = told("list")
    split = told("split", made)

    names = {"artist": "R. A.", "title": "Together 4ever", "track_id": made}
    assert names == listed
    assert "R. A. - Together 4ever is known now" in assigned
    assert "" == settled
    assert f"{made} is its own again" in split
