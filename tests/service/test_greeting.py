"""The greeting offers requests that work on what is really stored."""

from pathlib import Path

from service.bootstrap import open_house
from service.greeting import greeting
from service.settings import Settings
from tests import worlds


async def test_an_empty_service_says_how_to_fill_it(tmp_path: Path) -> None:
    async with open_house(Settings(data_dir=str(tmp_path), port=8123)) as house:
        text = await greeting(house)

    assert "ready on http://127.0.0.1:8123 " in text
    assert "echotune import --help" in text
    assert "curl" not in text


async def test_three_requests_name_a_user_and_a_track_that_exist(tmp_path: Path) -> None:
    async with open_house(Settings(data_dir=str(tmp_path))) as house:
        await house.shelf.put(worlds.tracks())
        await house.ingest.take(worlds.listens()[:1])
        one = (await house.store.recent(worlds.listens()[0].user_id, 1))[0]

        curls = [line.strip() for line in (await greeting(house)).splitlines() if "curl" in line]

    assert 3 == len(curls)
    assert f"/v1/users/{one.user_id}/recommendations" in curls[0]
    assert f'"track_id":"{one.track_id}"' in curls[1]
    assert f"/v1/tracks/{one.track_id}/similar" in curls[2]
