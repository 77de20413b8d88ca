"""Transactions: appends that wait together share one, so a busy process waits for few disks.

Listens, revs and the count of commits that other processes watch change in one transaction: a crash
leaves all of it or none, and a list cached under the old rev is never older than a stored listen.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from itertools import count
from typing import Any, TypeVar

from pymongo.errors import BulkWriteError, ConnectionFailure, DuplicateKeyError, PyMongoError
from pymongo.read_concern import ReadConcern

from service.domain import Listen
from service.errors import StoreUnavailable
from service.store.mongo_driver import DUPLICATE, DURABLE, refusing, settled
from service.store.mongo_transaction import Transaction, append
from service.store.protocol import Appended

Result = TypeVar("Result")
Work = Callable[[Transaction], Awaitable[Result]]
Waiting = tuple[Sequence[Listen], asyncio.Future[Appended]]

SNAPSHOT = ReadConcern("snapshot")
ANSWER_S = 10.0
ATTEMPTS = 8
FIRST_PAUSE_S = 0.002
MOST_LISTENS = 1_000  # of one shared transaction


class Writes:
    """Runs writes of this process one after the other; other processes may run theirs."""

    def __init__(self, client: Any, database: Any, process: str) -> None:  # noqa: ANN401
        self._client, self._database, self._process = client, database, process
        self._one_at_a_time = asyncio.Lock()  # or they would conflict with each other
        self._waiting: list[Waiting] = []
        self._flushing: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[Any]] = set()
        self._closed = False

    async def append(self, listens: Sequence[Listen]) -> Appended:
        """Store with whatever else waits.

        Raises:
            StoreUnavailable: nothing is promised; sending the same again is harmless.
        """
        self._refuse_if_closed()
        done: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
        self._waiting.append((listens, done))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())
        return await _answer(done)

    async def run(self, work: Work[Result]) -> Result:
        """Do `work` in a transaction of its own; it may run more than once.

        Raises:
            StoreUnavailable: it may or may not have been done.
        """
        self._refuse_if_closed()
        return await self._keep(self._alone(work))

    async def close(self) -> None:
        """Finish what was accepted."""
        self._closed = True
        flushing = [self._flushing] if self._flushing else []
        await asyncio.gather(*flushing, *self._running, return_exceptions=True)

    async def _keep(self, work: Coroutine[Any, Any, Result]) -> Result:
        # A caller may go away; a transaction is not torn in the middle.
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await _answer(task)

    async def _flush(self) -> None:
        while self._waiting:
            batch = self._next()
            try:
                appended = await self._alone(_appending([listens for listens, _ in batch]))
            except Exception as error:  # noqa: BLE001 - whoever waits has to hear of it
                if len(batch) > 1 and not isinstance(error.__cause__, ConnectionFailure):
                    await self._each(batch)
                else:
                    _refuse(batch, error)
            else:
                _hand_out(batch, appended)

    async def _each(self, batch: list[Waiting]) -> None:
        """One of them spoils the transaction: the others shall not suffer for it."""
        for one in batch:
            try:
                _hand_out([one], await self._alone(_appending([one[0]])))
            except Exception as error:  # noqa: BLE001 - whoever waits has to hear of it
                _refuse([one], error)

    def _next(self) -> list[Waiting]:
        batch = [self._waiting.pop(0)]
        listens = len(batch[0][0])
        while self._waiting and listens + len(self._waiting[0][0]) <= MOST_LISTENS:
            listens += len(self._waiting[0][0])
            batch.append(self._waiting.pop(0))
        return batch

    async def _alone(self, work: Work[Result]) -> Result:
        async with self._one_at_a_time:
            with refusing("write"):
                for attempt in count(1):
                    try:
                        return await self._transaction(work)
                    except PyMongoError as error:
                        if attempt == ATTEMPTS or not _worth_another(error):
                            raise
                    pause = FIRST_PAUSE_S * 2**attempt
                    await asyncio.sleep(random.uniform(0, pause))  # noqa: S311 - no secret
        raise AssertionError("unreachable: the last attempt raises")

    async def _transaction(self, work: Work[Result]) -> Result:
        async with await settled(self._client.start_session()) as session:
            await settled(session.start_transaction(read_concern=SNAPSHOT, write_concern=DURABLE))
            on = Transaction(self._database, session)
            try:
                result = await work(on)
                if on.wrote:
                    await on.count(self._process)
            except BaseException:
                await _abort(session)
                raise
            await session.commit_transaction()
            return result

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise StoreUnavailable("the store is closed")


def _appending(batches: Sequence[Sequence[Listen]]) -> Work[list[Appended]]:
    """First as if all were new, which they nearly always are; then, if not, with a look."""
    look = False

    async def work(on: Transaction) -> list[Appended]:
        nonlocal look
        try:
            return await append(on, batches, look=look)
        except BulkWriteError as error:
            look = look or _is_duplicate(error)
            raise

    return work


def _is_duplicate(error: PyMongoError) -> bool:
    """Whether nothing but a key that is taken stood in the way."""
    if isinstance(error, BulkWriteError):
        return {one["code"] for one in error.details["writeErrors"]} == {DUPLICATE}
    return isinstance(error, DuplicateKeyError)


def _worth_another(error: PyMongoError) -> bool:
    """Whether another transaction was in the way. A server that is gone is not asked again."""
    if isinstance(error, ConnectionFailure):
        return False
    return error.has_error_label("TransientTransactionError") or _is_duplicate(error)


async def _abort(session: Any) -> None:  # noqa: ANN401 - of either driver
    try:
        await session.abort_transaction()
    except PyMongoError:
        return  # the server forgets a transaction that nobody commits


async def _answer(done: asyncio.Future[Result]) -> Result:
    """The result, in time; what is under way goes on if it is not."""
    try:
        return await asyncio.wait_for(asyncio.shield(done), ANSWER_S)
    except TimeoutError as error:
        done.add_done_callback(_heard)
        raise StoreUnavailable(f"the store did not answer within {ANSWER_S:.0f} s") from error
    except asyncio.CancelledError:
        done.add_done_callback(_heard)
        raise


def _heard(done: asyncio.Future[Any]) -> None:
    if not done.cancelled():
        done.exception()  # or asyncio complains that nobody asked


def _hand_out(batch: list[Waiting], results: list[Appended]) -> None:
    for (_, done), appended in zip(batch, results, strict=True):
        if not done.done():
            done.set_result(appended)


def _refuse(batch: list[Waiting], error: Exception) -> None:
    for _, done in batch:
        if not done.done():
            done.set_exception(error)
