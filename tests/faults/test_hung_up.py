"""Nothing is begun for who has hung up, unless somebody else waits for it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from litestar.datastructures import State
from msgspec import structs

from service import metrics
from service.api.admission import Admission
from service.api.bodies import Bodies
from service.api.concurrency_limit import Limit
from service.api.door import Door
from service.api.front import Front
from service.cache.rendered import Rendered
from service.domain import User
from service.recommend.places import MOST
from service.store.memory import MemoryStore
from service.store.reads import Reads
from tests import worlds
from tests.faults.line import counter, line, waited
from tests.faults.serving import Service, fill
from tests.faults.sizes import FULL, say, size
from tests.service.recommend.desk import Desk

ABANDONED = "echotune_lists_abandoned_total"
AT_ONCE = 20
WAITING = 'echotune_requests_in_flight{request_class="user"}'


class Stuck(MemoryStore):
    """Answers when it is told to, and remembers who was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on, self.asked = asyncio.Event(), list[str]()

    async def user(self, user_id: str) -> User | None:
        self.asked.append(user_id)
        await self.go_on.wait()
        return await super().user(user_id)


class Client:
    """One request through the door, in process; it hangs up when it is told to."""

    def __init__(self, app: Any, user_id: str) -> None:
        self.statuses: list[int] = []
        self._messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._messages.put_nowait({"type": "http.request", "body": b"", "more_body": False})
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "GET",
            "path": f"/v1/users/{user_id}/recommendations",
            "query_string": b"",
            "headers": [(b"host", b"x")],
        }
        self.answered = asyncio.create_task(app(scope, self._messages.get, self._send))

    async def _send(self, message: dict[str, Any]) -> None:
        if "status" in message:
            self.statuses.append(message["status"])

    def hang_up(self) -> None:
        self._messages.put_nowait({"type": "http.disconnect"})


async def nobody(*_: Any) -> None:
    """The application behind the short way of a list: not asked here."""
    raise AssertionError


@asynccontextmanager
async def stuck() -> AsyncIterator[tuple[Stuck, Any]]:
    """A store that hangs, and the door before it; nobody is in a hurry."""
    store = Stuck()
    await store.append([structs.replace(one, id=f"{n}") for n, one in enumerate(worlds.listens())])
    reads = Reads(store, budget_s=60)
    desk = Desk(store, reads=reads)
    everybody = Limit(1_000)
    house = SimpleNamespace(recommender=desk.recommender, rendered=Rendered(1 << 20))
    front = Front(nobody, State({"house": house}), timeout_s=60, limit=everybody)
    yield store, Door(Admission(Bodies(front), timeout_s=60), lambda: None)
    await reads.close()
    await desk.cache.close()


async def leave(app: Any, clients: int, store: Stuck) -> list[float]:
    """Seconds until each of so many who wait for their turn is let go after it has hung up.

    Then the store answers, and whoever is still waited for has their list.
    """
    waiting = [Client(app, f"jazz-u{number % 15}") for number in range(MOST)]
    waiting += [Client(app, f"cold-{number}") for number in range(clients)]
    await asyncio.sleep(0.05)  # the first are with the store, the others wait for their turn
    took = []
    for client in waiting[MOST:]:
        start = time.monotonic()
        client.hang_up()
        await asyncio.wait({client.answered}, timeout=0.2)
        took.append(time.monotonic() - start)
    store.go_on.set()
    await asyncio.gather(*(client.answered for client in waiting))
    return took


async def test_who_hangs_up_leaves_the_queue_at_once() -> None:
    before = metrics.ABANDONED._value.get()
    async with stuck() as (store, app):
        took = await leave(app, size(150, 190), store)

        p95_ms = float(np.percentile(took, 95)) * 1e3
        say(f"{len(took)} clients that hung up were let go in {p95_ms:.2f} ms (p95)")
        assert len(took) == metrics.ABANDONED._value.get() - before
        assert {"jazz-u0", "jazz-u1"} == set(store.asked)
        assert p95_ms < (10 if FULL else 100)


async def test_if_nobody_noticed_work_would_be_done_for_those_who_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control."""
    monkeypatch.setattr("service.api.front.while_there", lambda _: nullcontext())
    async with stuck() as (store, app):
        took = await leave(app, 5, store)

        assert min(took) >= 0.2
        assert {f"cold-{number}" for number in range(5)} <= set(store.asked)


async def test_who_stays_gets_the_list_for_which_another_came_first() -> None:
    async with stuck() as (store, app):
        holding = [Client(app, f"jazz-u{number}") for number in range(MOST)]
        first, second = Client(app, "jazz-u9"), Client(app, "jazz-u9")
        await asyncio.sleep(0.02)
        first.hang_up()
        await first.answered
        store.go_on.set()
        await asyncio.gather(second.answered, *(one.answered for one in holding))

        assert [] == first.statuses
        assert [200] == second.statuses
        assert 1 == store.asked.count("jazz-u9")


class Inattentive(Service):
    """A server that does not look whether a client has left."""

    command = (
        "-c",
        (
            "import sys; from contextlib import nullcontext; from service.api import departures;"
            "departures.while_there = lambda receive: nullcontext();"
            "from service.cli import main; sys.exit(main())"
        ),
    )


async def abandoned(service: Service) -> float:
    """Lists that are not made for clients which ask at once, twenty at a time, and hang up."""
    await asyncio.to_thread(fill, service)
    rounds = size(10, 200)
    for turn in range(rounds):
        async with AsyncExitStack() as lines:
            asked = [await lines.enter_async_context(line(service.port)) for _ in range(AT_ONCE)]
            for number, one in enumerate(asked):
                one.send(f"/v1/users/jazz-u{number % 15}/recommendations?exclude=n{turn}x{number}")
            await asyncio.sleep(0.01)
        await waited(service.port, WAITING, lambda waiting: waiting == 0)
    left = await counter(service.port, ABANDONED)
    say(f"{type(service).__name__}: of {AT_ONCE * rounds} lists {left:g} were not made")
    return left


async def test_a_real_server_makes_no_lists_for_sockets_that_are_closed(data: Path) -> None:
    with Service(data) as service:
        assert await abandoned(service) > 10


async def test_a_server_that_does_not_look_makes_them_all(data: Path) -> None:
    """The control."""
    with Inattentive(data) as service:
        assert 0 == await abandoned(service)
