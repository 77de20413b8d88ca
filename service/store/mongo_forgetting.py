"""Old listens, dropped in MongoDB: a transaction for each user who has any."""

from collections.abc import AsyncIterator
from datetime import datetime
from functools import partial

from service.domain import User
from service.store.mongo_transaction import forget_listens
from service.store.mongo_writes import Writes


async def older(
    writes: Writes, users: AsyncIterator[list[User]], before: datetime
) -> AsyncIterator[dict[str, int]]:
    """Drop listens from before; the new rev of each user who had any."""
    async for some in users:
        for user in some:
            if revs := await writes.run(partial(forget_listens, user=user.id, before=before)):
                yield revs
