"""A dry run: the same import into a store in memory that begins as the real one is.

It holds the catalogue, and of listens only those of the users that the file names.
"""

from collections.abc import Awaitable, Callable, Sequence

from service.domain import Listen
from service.doors.importers.row import Row
from service.store import Store

PAGE = 5_000
Prepare = Callable[[Sequence[Row]], Awaitable[None]]


async def furnish(scratch: Store, store: Store) -> Prepare:
    """Put the catalogue into `scratch`; what is returned brings the listeners of some rows.

    Raises:
        StoreUnavailable
    """
    await scratch.put_tracks(await store.tracks())
    async for aliases in store.aliases():
        await scratch.put_aliases(aliases)
    there: set[str] = set()

    async def bring(rows: Sequence[Row]) -> None:
        users = {row.made.user_id for row in rows if isinstance(row.made, Listen)}
        for user_id in users - there:
            there.add(user_id)
            last = None
            while page := await store.recent(user_id, PAGE, before=last):
                await scratch.append(page)
                last = page[-1].at, page[-1].id

    return bring
