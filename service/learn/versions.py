"""Where model versions are: in the data folder, and in the store when that keeps them too."""

import asyncio
import fcntl
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio.to_thread
import structlog

from service.errors import StoreUnavailable
from service.model import files
from service.store import Published

log = structlog.get_logger()

LOCK = ".fetch.lock"
LOOK_EVERY_S = 0.05


class Versions:
    """The versions of one data folder; `published` None: nobody else needs them."""

    def __init__(self, folder: Path, published: Published | None) -> None:
        self._folder, self._published = folder, published

    async def current(self) -> str | None:
        """The version that was activated last: in the store, if it knows of any.

        Raises:
            StoreUnavailable
        """
        told = await self._published.current() if self._published else None
        return told or files.current(self._folder)

    async def activate(self, version: str) -> None:
        """Let every process serve a version that is here.

        Raises:
            StoreUnavailable: the others cannot have it; what was active still is.
        """
        await self.keep(version)
        if self._published is not None:
            await self._published.activate(version)
        await anyio.to_thread.run_sync(files.activate, self._folder, version)
        if self._published is not None:
            try:
                await self._published.drop_older(files.KEPT)
            except StoreUnavailable as error:  # the next one does so
                log.warning("old models stay in the store", reason=str(error))

    async def keep(self, version: str) -> None:
        """Let every process have a version that is here, without serving it.

        Raises:
            StoreUnavailable
        """
        if self._published is not None:
            home = self._folder / version
            await self._published.put(version, home, files.names(self._folder, version))

    async def bring(self, version: str) -> None:
        """Download a version that is published and not here.

        Raises:
            UnknownModel: what is published must not be served, or there is no room for it.
            StoreUnavailable
        """
        if self._published is None or not files.VERSION.fullmatch(version):
            return
        if files.holds(self._folder, version):
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            async with _alone(self._folder / LOCK):
                if not files.holds(self._folder, version):
                    await self._fetch(self._published, version)
        except OSError as error:
            raise files.BrokenModel(
                f"model {version} could not be written to the data folder: {error.strerror}"
            ) from error

    async def _fetch(self, published: Published, version: str) -> None:
        for left in self._folder.glob(".*.fetch/"):  # by a process that was killed: we are alone
            shutil.rmtree(left, ignore_errors=True)
        making = self._folder / f".{version}.fetch"
        making.mkdir()
        try:
            await published.fetch(version, making)
            await anyio.to_thread.run_sync(files.adopt, making, self._folder, version)
        finally:
            shutil.rmtree(making, ignore_errors=True)
        log.info("model downloaded", version=version)


@asynccontextmanager
async def _alone(path: Path) -> AsyncIterator[None]:
    """Of all processes with this data folder, one at a time; the lock goes with its holder."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(LOOK_EVERY_S)
        yield
    finally:
        os.close(descriptor)
