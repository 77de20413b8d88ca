"""Two processes on one Redis: a profile that is old is served by neither of them."""

import asyncio

import anyio
import msgspec

from service.bootstrap import open_house
from service.house import House
from service.profile.profile import Profile
from service.settings import Settings
from tests.service.given import listen, track

USER = "seen.by.two"  # the server is that of the whole session


async def listens(house: House) -> int:
    return msgspec.json.decode(await house.profiles.encoded(USER), type=Profile).listens


async def linked(*houses: House) -> None:
    while not all(house.cache.linked for house in houses):  # noqa: ASYNC110 - it comes up by itself
        await asyncio.sleep(0.01)


async def test_a_listen_one_process_took_is_soon_in_the_profile_of_the_other(
    tmp_path, valkey_url
) -> None:
    settings = Settings(data_dir=str(tmp_path), redis_url=valkey_url, redis_timeout_ms=500)
    async with open_house(settings, watch=True) as one, open_house(settings, watch=True) as two:
        with anyio.fail_after(30):
            await linked(one, two)
            await one.shelf.put([track("a")])
            await two.refresh.load()
            for number in range(1, 9):
                await one.ingest.take([listen("a", minutes=number, user_id=USER)])
                assert number == await listens(one)  # at once
                while number > (told := await listens(two)):
                    assert number - 1 == told
                    await asyncio.sleep(0.005)
