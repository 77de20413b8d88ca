"""The port of model versions that every process of a deployment can fetch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol


class Published(Protocol):
    """Files of model versions. A version is there once all of its files are, never in part.

    Versions are named so that a later one sorts after an earlier one. Adapters raise
    `StoreUnavailable` and `UnknownModel`.
    """

    async def current(self) -> str | None:
        """The version that was activated last, by whichever process."""
        ...

    async def activate(self, version: str) -> None:
        """Let every process serve this version."""
        ...

    async def put(self, version: str, home: Path, names: Sequence[str]) -> None:
        """Keep these files of `home`; nothing is done when the version is there already."""
        ...

    async def fetch(self, version: str, home: Path) -> None:
        """Write every file of a version below `home`, an empty folder, each one synced.

        Raises:
            UnknownModel: there is no such version, or a file is not what its SHA-256 says.
        """
        ...

    async def drop_older(self, kept: int) -> None:
        """Delete all but the newest `kept` versions and the current one; halves of some, too."""
        ...
