"""Bar 3: two hundred users ask for everything, their own and others', while calls are cancelled.

Not one byte of an answer may tell of another user than the one whose key was sent.
"""

import asyncio
import random
import re
from collections.abc import Awaitable
from pathlib import Path

import httpx
import msgspec
import pytest

from service.domain import Demographics, Listen, UserSettings
from tests import worlds
from tests.faults.sizes import say, size
from tests.flows.guarded import Guarded, guarded

USERS = size(40, 200)
CALLS = size(1_500, 50_000)
AT_ONCE = 16
NAMES = [f"storm{number:03}" for number in range(USERS)]
NAMED = re.compile(r"storm\d{3}")
READS = (
    "/v1/users/{0}/recommendations",
    "/v1/users/{0}/recommendations?limit=5",
    "/v1/users/{0}/profile",
    "/v1/users/{0}/listens?limit=3",
    "/v1/users/{0}/similar",
    "/v1/users/{0}/assignments",
    "/v1/tracks/jazz00/similar?user={0}",
    "/v1/trending",
)


async def populate(service: Guarded) -> list[str]:
    """Users with a taste and a word of their own; the token of each."""
    tokens = []
    tastes = worlds.listens()
    for number, name in enumerate(NAMES):
        mine = [one for one in tastes if one.user_id == tastes[number * 12 % len(tastes)].user_id]
        await service.house.store.append(
            [
                msgspec.structs.replace(one, user_id=name, id=f"{name}-{one.track_id}")
                for one in mine
            ]
        )
        told = UserSettings(demographics=Demographics(country="DE", language="de"))
        await service.house.accounts.change(name, told)
        tokens.append((await service.key(user_id=name, per_s=0))[1])
    return tokens


async def storm(service: Guarded, tokens: list[str], draw: random.Random) -> tuple[int, int, int]:
    """Calls that were answered 2xx, refused, and answers that told of another user."""
    good = refused = foreign = 0

    async def one() -> None:
        nonlocal good, refused, foreign
        me = draw.randrange(USERS)
        other = me if draw.random() < 0.5 else draw.randrange(USERS)
        if draw.random() < 0.1:
            body = msgspec.json.encode(
                Listen(user_id=NAMES[other], track_id="jazz03", at=worlds.YESTERDAY)
            )
            asking = service.ask("POST", "/v1/listens", tokens[me], content=body)
        else:
            asking = service.ask("GET", draw.choice(READS).format(NAMES[other]), tokens[me])
        answer = await _perhaps(asking, draw)
        if answer is None:
            return
        if answer.status_code >= 300:
            refused += 1
            assert answer.status_code == 403, answer.text
            return
        good += 1
        told = set(NAMED.findall(answer.text + str(answer.headers)))
        foreign += bool(told - {NAMES[me]}) or (answer.request.method == "POST" and other != me)

    async def many(calls: int) -> None:
        for _ in range(calls):
            await one()

    await asyncio.gather(*(many(CALLS // AT_ONCE) for _ in range(AT_ONCE)))
    return good, refused, foreign


async def _perhaps(asking: Awaitable[httpx.Response], draw: random.Random) -> httpx.Response | None:
    """The answer, unless the client is one of those who leave at once."""
    task = asyncio.ensure_future(asking)
    if draw.random() < 0.1:
        await asyncio.sleep(draw.random() * 0.002)
        if not task.done():
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return None
    return await task


@pytest.mark.parametrize("access", ["on", "off"])
async def test_nobody_is_told_of_anybody_else(tmp_path: Path, access: str) -> None:
    async with guarded(tmp_path, access=access, user_listens_per_minute=0) as service:
        tokens = await populate(service)

        good, refused, foreign = await storm(service, tokens, random.Random(3))

    say(f"access {access}: {good:,} answered, {refused:,} refused, {foreign:,} told of others")
    if access == "off":  # the control: without the keys the same calls tell of others
        assert foreign > CALLS / 10
    else:
        assert 0 == foreign
        assert good > CALLS / 4
        assert refused > CALLS / 4
