"""A store of every adapter, empty and real."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.store import Store
from tests.stores import ADAPTERS, opened


@pytest.fixture(params=ADAPTERS)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(request.param, request, tmp_path) as one:
        yield one
