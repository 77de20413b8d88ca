"""The small world behind its doors, where callers need a key, and a client for each caller."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec

from service.access.identity import EVERYBODY
from service.access.keys import make_key
from service.api.door import Door
from service.api.front import Front
from service.api.inlet import Inlet
from service.api.scopes import words
from service.api_key import SCOPES, ApiKey, Scope
from service.app import create_app
from service.settings import Settings
from tests import worlds
from tests.flows.conftest import fit

EVERYTHING: tuple[Scope, ...] = SCOPES[1:]
A, B = "jazz-u0", "metal-u0"


class Guarded:
    """A running service that asks for keys. `ask` calls as whoever has the token."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.house = app.state.house
        gate = self.house.gate if self.house.settings.guarded else None
        # Without the one that refuses who comes too often: kernels compile meanwhile.
        short = Front(Inlet(app, app.state), app.state, timeout_s=20)
        self.doors = Door(short, lambda: gate, words=words(app))
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.doors), base_url="http://testserver"
        )

    async def key(self, label: str = "a test", **more: Any) -> tuple[ApiKey, str]:
        """A key that this process knows at once."""
        scopes = more.pop("scopes", EVERYTHING)
        key, token = make_key(label, scopes, **({"now": datetime.now(UTC)} | more))
        await self.house.store.put_key(key)
        await self.house.gate.keyring.refresh()
        return key, token

    async def ask(
        self, method: str, url: str, token: str | None = None, **more: Any
    ) -> httpx.Response:
        headers = dict(more.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return await self.client.request(method, url, headers=headers, **more)


def as_everybody(app: Any) -> Any:
    """An application behind a door at which nobody is asked, and which adds no headers."""

    async def opened(scope: Any, receive: Any, send: Any) -> None:
        scope["identity"] = EVERYBODY
        await app(scope, receive, send)

    return opened


@asynccontextmanager
async def guarded(folder: Path, *, fitted: bool = True, **more: Any) -> AsyncIterator[Guarded]:
    """The world in it, and a model if wanted."""
    generous = {"strategy_timeout_ms": 5_000, "store_timeout_ms": 5_000}
    settings = Settings(**(generous | {"data_dir": str(folder), "access": "on"} | more))
    app = create_app(settings)
    async with app.lifespan():  # in this loop, where the doors are too
        one = Guarded(app)
        _, token = await one.key()
        encode = msgspec.json.encode
        put = await one.ask("PUT", "/v1/tracks", token, content=encode(worlds.tracks()))
        assert 200 == put.status_code, put.text
        posted = await one.ask("POST", "/v1/listens", token, content=encode(worlds.listens()))
        assert 202 == posted.status_code, posted.text
        if fitted:
            one.client.headers["Authorization"] = f"Bearer {token}"
            await fit(one.client)  # type: ignore[arg-type] # asks and posts as any client
            del one.client.headers["Authorization"]
        yield one
        await one.client.aclose()
