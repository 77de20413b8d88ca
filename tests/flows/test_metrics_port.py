"""Metrics on a port of their own, so that the public one can be opened without them."""

from pathlib import Path

import httpx
from litestar.testing import AsyncTestClient

from service.app import create_app
from service.settings import Settings
from tests.servers import free_port


async def test_metrics_move_to_their_own_port(tmp_path: Path) -> None:
    port = free_port()
    app = create_app(Settings(data_dir=str(tmp_path), metrics_port=port))

    async with AsyncTestClient(app) as client:
        assert 404 == (await client.get("/metrics")).status_code
        async with httpx.AsyncClient() as scraper:
            scraped = await scraper.get(f"http://127.0.0.1:{port}/metrics")
        assert "recommendation_cache_hit_rate" in scraped.text

    async with AsyncTestClient(create_app(Settings(data_dir=str(tmp_path)))) as client:
        assert 200 == (await client.get("/metrics")).status_code
