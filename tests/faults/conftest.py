"""A stream with workers that can be killed."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.events import Line


@pytest.fixture
async def line(
    valkey_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Line]:
    """A stream with workers of this checkout."""
    monkeypatch.setenv("PYTHONPATH", str(Path.cwd()))
    one = Line(valkey_url, tmp_path)
    yield one
    await one.close()
