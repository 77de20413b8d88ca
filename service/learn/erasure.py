"""Erases a user from everything there is, and says what that was.

What goes at once: the store (its file too), names in model versions, rejected rows of imports,
overrides of experiments, this process's caches. What goes by itself: the shared cache after an hour
at most, events with the learner's next snapshot, traces after a day (docs/doors/export.md).
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import anyio.to_thread
from msgspec import structs

from service.disk import alone_in
from service.domain import EPOCH
from service.jobs.protocol import Receipt
from service.learn import tombstones
from service.learn.accounts import Accounts
from service.model import anonymous
from service.store import Store

WITHIN = {
    "shared cache": "1 hour",
    "events": "the next snapshot of the learner, a minute",
    "traces": "24 hours",
    "unused parts of the pages of a SQLite file over 256 MB": "until VACUUM",
    "what they taught tracks": "stays, and is nobody's: the next fit never saw it",
}


class Erasure:
    """Erases users; `home` is the data folder."""

    def __init__(
        self,
        store: Store,
        accounts: Accounts,
        home: Path,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store, self._accounts, self._home, self._clock = store, accounts, home, clock

    async def erase(self, user_id: str) -> Receipt:
        """Erase everything about a user, and say so; somebody already gone is no error.

        The receipt does not say whom.

        Raises:
            StoreUnavailable: do it again.
            BusUnavailable, Overloaded: they are gone, but not everybody knows; do it again.
        """
        at = self._clock()
        await anyio.to_thread.run_sync(tombstones.bury, self._home, user_id, at)
        shown = 0
        async for lists in self._store.shown(EPOCH, user_id=user_id):
            shown += len(lists)
        overrides = await self._forget_overrides(user_id)
        listens = await self._accounts.erase_now(user_id)
        models = await anyio.to_thread.run_sync(anonymous.forget, self._home / "models", user_id)
        rejects = await anyio.to_thread.run_sync(_forget_rejects, self._home / "rejects", user_id)
        return {
            "erased_at": at.isoformat().replace("+00:00", "Z"),
            "listens": listens,
            "shown_lists": shown,
            "overrides": overrides,
            "models": models,
            "rejected_rows": rejects,
            "within": WITHIN,
        }

    async def _forget_overrides(self, user_id: str) -> int:
        """Take the user out of who tests what; a change meanwhile is read again."""
        count = 0
        for name in [one.name for one in await self._store.experiments()]:
            while (one := await self._store.experiment(name)) and user_id in one.overrides:
                others = {who: arm for who, arm in one.overrides.items() if who != user_id}
                put = structs.replace(one, overrides=others)
                if await self._store.put_experiment(put, expected_rev=one.rev) is not None:
                    count += 1
        return count


def _forget_rejects(folder: Path, user_id: str) -> int:
    """Drop rejected rows that name the user; how many."""
    dropped, name = 0, user_id.encode()
    with alone_in(folder):
        for path in sorted(folder.glob("*.jsonl")):
            lines = path.read_bytes().splitlines(keepends=True)
            kept = [line for line in lines if name not in line]
            if len(kept) < len(lines):
                making = path.with_name(f".{path.name}.tmp")
                making.write_bytes(b"".join(kept))
                making.rename(path)
                dropped += len(lines) - len(kept)
    return dropped
