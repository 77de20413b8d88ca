"""A store and a stream of every adapter, empty and real."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.bus import Stream
from service.store import Store
from tests import stores, streams


@pytest.fixture(params=stores.ADAPTERS)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    async with stores.opened(request.param, request, tmp_path) as one:
        yield one


@pytest.fixture(params=streams.ADAPTERS)
async def stream(request: pytest.FixtureRequest) -> AsyncIterator[Stream]:
    async with streams.opened(request) as one:
        yield one
