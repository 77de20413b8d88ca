"""A running application over a real SQLite file, filled with the small world."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import msgspec
import pytest
from litestar.testing import AsyncTestClient

from service.app import create_app
from service.settings import Settings
from tests import worlds
from tests.flows.scrobbles import ALICE, TOKEN


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[AsyncTestClient]:
    """An empty service."""
    app = create_app(
        Settings(data_dir=str(tmp_path), strategy_timeout_ms=5_000, store_timeout_ms=5_000)
    )
    async with AsyncTestClient(app) as opened:
        yield opened


@pytest.fixture
async def alice(tmp_path: Path) -> AsyncIterator[AsyncTestClient]:
    """An empty service that knows Alice by a token, as her player asks it."""
    tokens = tmp_path / "tokens.json"
    tokens.write_text(json.dumps({TOKEN: "alice", "another-token-of-somebody": "bob"}))
    settings = Settings(
        data_dir=str(tmp_path), listenbrainz_tokens=str(tokens), store_timeout_ms=5_000
    )
    async with AsyncTestClient(create_app(settings)) as client:
        client.headers.update(ALICE)
        yield client


@pytest.fixture
async def world(client: AsyncTestClient) -> AsyncTestClient:
    """The service with the small world in it and a fitted model."""
    encode = msgspec.json.encode
    put = await client.put("/v1/tracks", content=encode(worlds.tracks()))
    assert 200 == put.status_code, put.text
    posted = await client.post("/v1/listens", content=encode(worlds.listens()))
    assert 202 == posted.status_code, posted.text
    await fit(client)
    return client


async def fit(client: AsyncTestClient) -> None:
    """Fit and wait until the model serves."""
    job_id = (await client.post("/v1/models")).json()["job_id"]
    with anyio.fail_after(60):
        while (job := (await client.get(f"/v1/jobs/{job_id}")).json())["status"] != "done":
            assert job["status"] in ("queued", "running"), job
            await anyio.sleep(0.02)
