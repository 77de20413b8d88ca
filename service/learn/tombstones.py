"""Who was erased and when, as salted digests: a backup that is put back brings nobody back.

The file lies beside what it is about, `erased.jsonl` in the data folder, and goes into backups. It
says yes or no to whoever asks with a user id, and tells nobody an id.
"""

import os
import secrets
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from hashlib import blake2b
from pathlib import Path

import msgspec
from msgspec import Struct

from service.disk import sync_folder
from service.errors import UnusableFile

FILE = "erased.jsonl"


class Tombstone(Struct, frozen=True):
    """One user, erased once."""

    salt: str
    digest: str
    at: datetime


def bury(home: Path, user_id: str, at: datetime) -> None:
    """Note that a user was erased; durable when it returns. Once more does no harm.

    Raises:
        OSError: it cannot be written.
    """
    known = read(home / FILE)
    salt = known[0].salt if known else secrets.token_hex(16)
    stone = Tombstone(salt, _digest(salt, user_id), at)
    is_new = not known
    home.mkdir(parents=True, exist_ok=True)
    with (home / FILE).open("ab") as file:
        file.write(msgspec.json.encode(stone) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    if is_new:
        sync_folder(home)


def read(path: Path) -> list[Tombstone]:
    """All of a file; none when it is not there. A last line that was cut short is left out.

    Raises:
        UnusableFile: any other line is none.
    """
    try:
        *lines, _ = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    try:
        stones = [msgspec.json.decode(line, type=Tombstone) for line in lines]
    except msgspec.DecodeError as error:
        raise UnusableFile(f"{path} is damaged: {error}") from error
    return stones


def write(path: Path, stones: Iterable[Tombstone]) -> None:
    """Put these, each once, into a new file."""
    lines = sorted({msgspec.json.encode(stone) for stone in stones})
    with path.open("wb") as file:
        file.write(b"".join(line + b"\n" for line in lines))
        file.flush()
        os.fsync(file.fileno())


class Graveyard:
    """Answers who was erased after a moment."""

    def __init__(self, stones: Iterable[Tombstone], *, after: datetime) -> None:
        self._by_salt: dict[str, set[str]] = defaultdict(set)
        for stone in stones:
            if stone.at >= after:
                self._by_salt[stone.salt].add(stone.digest)

    def __contains__(self, user_id: str) -> bool:
        """Whether this user was."""
        return any(_digest(salt, user_id) in there for salt, there in self._by_salt.items())


def _digest(salt: str, user_id: str) -> str:
    return blake2b(user_id.encode(), digest_size=16, key=salt.encode()).hexdigest()
