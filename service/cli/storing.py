"""One question to the store of the settings, from a terminal."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from service.settings import Settings

if TYPE_CHECKING:
    from service.store import Store

Answer = TypeVar("Answer")


def with_store(ask: "Callable[[Store], Awaitable[Answer]]") -> Answer:
    """What the store says, which is opened for it and closed again."""
    settings = Settings.from_env(os.environ)

    async def answer() -> Answer:
        from service.adapters import open_store

        store = await open_store(settings)
        try:
            return await ask(store)
        finally:
            await store.close()

    return asyncio.run(answer())
