"""An account that is erased is unlearned: the next model never saw it, bit for bit.

For every store, since each has an order of its own.
"""

from hashlib import sha256
from pathlib import Path

import pytest
from msgspec import structs

from service.domain import Listen
from service.learn.interactions import read_interactions
from service.learn.training import fit_model
from service.model import files
from service.store import Store
from tests import worlds
from tests.service.given import NOON, catalogue
from tests.stores import ADAPTERS, opened

GONE = "jazz-u3x"


def theirs() -> list[Listen]:
    """Somebody in the middle of the others who plays across all tastes, some of it short."""
    return [
        structs.replace(one, id=f"x{n}", user_id=GONE, ms_played=n * 1_000)
        for n, one in enumerate(worlds.listens()[::7])
    ]


async def fitted(store: Store, folder: Path) -> dict[str, str]:
    """The files of a model of everything in the store, by name."""
    known = catalogue()
    model = fit_model(
        await read_interactions(store.listens(batch=50), known),
        known,
        version="v",
        fitted_at=NOON,
        progress=lambda _: None,
    )
    files.save(model, [brief.id for brief in known.briefs], folder)
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in (folder / "v").iterdir()}


@pytest.mark.parametrize("adapter", ADAPTERS)
async def test_an_erased_account_leaves_no_bit_in_the_next_model(
    adapter: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    async with opened(adapter, request, tmp_path / "one") as never:
        await never.append(worlds.listens())
        expected = await fitted(never, tmp_path / "never")
    async with opened(adapter, request, tmp_path / "two") as store:
        await store.append([*worlds.listens(), *theirs()])
        with_them = await fitted(store, tmp_path / "with")
        await store.delete_user(GONE)
        without = await fitted(store, tmp_path / "without")

    assert expected == without
    assert expected != with_them  # the control: they do change it
