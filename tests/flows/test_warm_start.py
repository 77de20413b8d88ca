"""The first who asks gets as good a list as the second."""

from pathlib import Path

from litestar.testing import AsyncTestClient
from msgspec.json import encode

from service.app import create_app
from service.settings import Settings
from tests import worlds


async def test_what_lists_need_is_prepared_before_the_first_request(tmp_path: Path) -> None:
    settings = Settings(data_dir=str(tmp_path))
    async with AsyncTestClient(create_app(settings)) as client:
        put = await client.put("/v1/tracks", content=encode(worlds.tracks()))
        assert 200 == put.status_code

    app = create_app(settings)
    async with AsyncTestClient(app):
        catalogue = app.state.house.current.view().catalogue

        assert catalogue.size
        assert {"artist_coding", "set_coding"} <= vars(catalogue).keys()
