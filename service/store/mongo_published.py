"""Model versions in GridFS: bucket `models` for the files, one document of `published` last.

That document names every file with its size and SHA-256; a version without one is half an upload
and nobody sees it.
"""

import contextlib
import hashlib
import os
import re
from collections.abc import Sequence
from io import BufferedReader
from pathlib import Path
from typing import Any

import anyio.to_thread
from gridfs.errors import CorruptGridFile, NoFile
from pymongo.errors import DuplicateKeyError

from service.errors import StoreUnavailable, UnknownModel
from service.store import mongo_queries as queries
from service.store.mongo_documents import Document
from service.store.mongo_driver import bucket, refusing
from service.store.mongo_transaction import cursor_of

MODEL = "model"
PIECE_BYTES = 1 << 20
NAME = re.compile(r"[0-9A-Za-z_]{1,100}\.(npy|json)")
"""What a file of a version may be called: it names a file below a folder of ours."""


class MongoPublished:
    """Versions in one database."""

    def __init__(self, reads: Any, long: Any) -> None:  # noqa: ANN401 - databases of either driver
        self._reads, self._long = reads, long
        self._bucket = bucket(long, queries.BUCKET)

    async def current(self) -> str | None:
        found = await self._find(queries.one_of("serving", MODEL), self._reads)
        return found[0]["version"] if found else None

    async def activate(self, version: str) -> None:
        with refusing("keep which model serves"):
            await self._long["serving"].update_one(
                queries.named(MODEL), queries.served(version), upsert=True
            )

    async def put(self, version: str, home: Path, names: Sequence[str]) -> None:
        if await self._find(queries.one_of("published", version)):
            return
        with refusing("keep a model"):
            files = [await self._put(version, home / name) for name in names]
            with contextlib.suppress(DuplicateKeyError):  # another process was faster
                await self._long["published"].insert_one({"_id": version, "files": files})

    async def fetch(self, version: str, home: Path) -> None:
        found = await self._find(queries.one_of("published", version))
        if not found:
            raise UnknownModel(f"there is no model {version!r} in the store")
        with refusing("give a model"):
            for about in found[0]["files"]:
                await self._fetch(version, home, about)

    async def drop_older(self, kept: int) -> None:
        whole = [one["_id"] for one in await self._find(queries.all_in_order("published"))]
        newest = whole[-kept:]
        spared = {*newest, await self.current()}
        with refusing("drop old models"):
            for version in whole:
                if version not in spared:
                    await self._long["published"].delete_one(queries.named(version))
            if newest:  # what sorts after it without a document may still be on its way
                for one in await self._find(queries.chunks_before(newest[0])):
                    if one["files_id"].partition("/")[0] not in spared:
                        await self._delete(one["files_id"])

    async def _put(self, version: str, path: Path) -> Document:
        key = _key(version, path.name)
        await self._delete(key)  # half of it may be left by a process that was killed
        with path.open("rb") as file:
            sha256 = await anyio.to_thread.run_sync(_sha256, file)
            upload = self._bucket.open_upload_stream_with_id(key, key, metadata={"sha256": sha256})
            while piece := file.read(PIECE_BYTES):
                await upload.write(piece)
            await upload.close()
            return {"name": path.name, "bytes": file.tell(), "sha256": sha256}

    async def _fetch(self, version: str, home: Path, about: Document) -> None:
        name, sha256 = about["name"], hashlib.sha256()
        if NAME.fullmatch(name) is None:
            raise UnknownModel(f"model {version} in the store has a file of a strange name")
        try:
            download = await self._bucket.open_download_stream(_key(version, name))
            with (home / name).open("xb") as file:
                while piece := await download.readchunk():
                    sha256.update(piece)
                    file.write(piece)
                file.flush()
                await anyio.to_thread.run_sync(os.fsync, file.fileno())
        except (CorruptGridFile, NoFile) as error:
            raise UnknownModel(f"{name} of model {version} in the store is not whole") from error
        if sha256.hexdigest() != about["sha256"]:
            raise UnknownModel(f"{name} of model {version} in the store does not match its SHA-256")

    async def _delete(self, key: str) -> None:
        with contextlib.suppress(NoFile):  # its chunks are deleted first all the same
            await self._bucket.delete(key)

    async def _find(self, query: queries.Query, database: Any = None) -> list[Document]:  # noqa: ANN401
        try:
            with refusing("read"):
                cursor = cursor_of(self._long if database is None else database, query)
                found: list[Document] = await cursor.to_list(None)
                return found
        except RuntimeError as error:  # Motor's word for a client that is closed
            raise StoreUnavailable("the store is closed") from error


def _key(version: str, name: str) -> str:
    return f"{version}/{name}"


def _sha256(file: BufferedReader) -> str:
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    file.seek(0)
    return digest
