"""A data folder per test; kernels are compiled once for all of them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.cli.kernels import prepare_kernels
from tests.faults.events import Line


@pytest.fixture(scope="session")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of compiled kernels that servers may share: only this call writes it."""
    home = tmp_path_factory.mktemp("compiled")
    with pytest.MonkeyPatch.context() as kept:
        kept.setenv("NUMBA_CACHE_DIR", "")  # prepare_kernels sets it; this process keeps its own
        prepare_kernels(home)
    return home / "kernels"


@pytest.fixture
def data(tmp_path: Path, kernels: Path) -> Path:
    """A data folder with nothing in it but the kernels."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "kernels").symlink_to(kernels)
    return folder


@pytest.fixture
async def line(
    valkey_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Line]:
    """A stream with workers of this checkout."""
    monkeypatch.setenv("PYTHONPATH", str(Path.cwd()))
    one = Line(valkey_url, tmp_path)
    yield one
    await one.close()
