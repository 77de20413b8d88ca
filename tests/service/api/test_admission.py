"""The door: who is let in, who is refused and how, and what it costs."""

import asyncio
import json
import time
from typing import Any

import pytest

from service import deadline
from service.api.admission import (
    EASE,
    LAGS_S,
    MOST_PUSH,
    PREFETCH_SHARE,
    SHED_PER_TICK,
    TICKS,
    Admission,
    Guests,
    class_of,
)
from service.api.concurrency_limit import Limit
from service.api.refusal import RETRY_AFTER_S

TIMEOUT_S = 0.09
LISTS = "/v1/users/u1/recommendations"
PUSH_URL = "/v1/users/u1/updates"
AHEAD = ((b"sec-purpose", b"prefetch"),)


class Backend:
    """An application that answers when its gate is open, and notes the time it was given."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.left: list[float] = []
        self.gate.set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.left.append(deadline.left() + deadline.RESERVE_S)
        await self.gate.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def backend() -> Backend:
    return Backend()


def door(backend: Backend, **more) -> Admission:
    return Admission(backend, **({"timeout_s": TIMEOUT_S} | more))


async def ask(app: Any, path: str = LISTS, headers: tuple = ()) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def run() -> None:
        await app({"type": "http", "path": path, "headers": list(headers)}, None, send)

    await asyncio.create_task(run())  # a context of its own, as a server gives each request
    return sent


async def status(*args, **kwargs) -> int:
    return (await ask(*args, **kwargs))[0]["status"]


@pytest.mark.parametrize(
    "path, headers, expected",
    [
        ("/health/live", AHEAD, "critical"),
        ("/1/submit-listens", (), "events"),
        ("/apis/listenbrainz/1//submit-listens/", (), "events"),
        ("/elsewhere/submit-listens", (), "user"),
        ("/metrics", (), "critical"),
        ("/v1/listens", AHEAD, "events"),
        ("/v1/feedback", (), "events"),
        (LISTS, (), "user"),
        (LISTS, AHEAD, "prefetch"),
        (PUSH_URL, (), "push"),
    ],
)
def test_every_request_has_a_class(path, headers, expected) -> None:
    assert expected == class_of({"path": path, "headers": headers})


async def test_beyond_the_limit_a_user_is_refused_and_afterwards_let_in_again(backend) -> None:
    app = door(backend, limit=Limit(3.0))
    backend.gate.clear()
    inside = [asyncio.create_task(status(app)) for _ in range(3)]
    await asyncio.sleep(0.01)

    assert 503 == await status(app)
    assert 3 == len(backend.left)  # what is refused reaches nobody
    backend.gate.set()
    assert [200] * 3 == await asyncio.gather(*inside)
    assert 200 == await status(app)


async def test_users_never_keep_out_events_health_or_metrics(backend) -> None:
    app = door(backend, limit=Limit(1.0))
    backend.gate.clear()
    inside = [asyncio.create_task(status(app))]
    await asyncio.sleep(0.01)
    paths = ["/v1/listens", "/v1/feedback", "/health/live", "/metrics"]
    inside += [asyncio.create_task(status(app, path)) for path in paths]
    await asyncio.sleep(0.01)
    backend.gate.set()

    assert [200] * 5 == await asyncio.gather(*inside)


async def test_who_asks_ahead_has_a_small_share(backend) -> None:
    app = door(backend, limit=Limit(50.0))
    backend.gate.clear()
    ahead = [asyncio.create_task(status(app, headers=AHEAD)) for _ in range(50)]
    await asyncio.sleep(0.01)
    users = [asyncio.create_task(status(app)) for _ in range(45)]
    await asyncio.sleep(0.01)
    backend.gate.set()

    assert 50 * PREFETCH_SHARE == (await asyncio.gather(*ahead)).count(200)
    assert [200] * 45 == await asyncio.gather(*users)


async def test_open_streams_are_no_requests_and_have_a_number_of_their_own(backend) -> None:
    app = door(backend, limit=Limit(2.0))
    backend.gate.clear()
    open_ = [asyncio.create_task(status(app, PUSH_URL)) for _ in range(MOST_PUSH)]
    await asyncio.sleep(0.05)

    assert 503 == await status(app, PUSH_URL)
    backend.gate.set()
    assert [200] * 2 == [await status(app), await status(app, "/v1/listens")]
    assert [200] * MOST_PUSH == await asyncio.gather(*open_)
    assert 200 == await status(app, PUSH_URL)


async def test_open_streams_are_the_first_to_go(backend) -> None:
    ended = list[int]()

    def shed(most: int) -> int:
        ended.append(most)
        return most

    app = door(backend, shed=shed)
    for _ in range(TICKS):
        app.late(LAGS_S["push"][1])

    assert [SHED_PER_TICK] == ended  # once it was no single long step
    assert [200, 503] == [await status(app), await status(app, PUSH_URL)]


async def test_a_refusal_says_what_and_when(backend) -> None:
    app = door(backend, limit=Limit(0.0))
    waits = set()
    for _ in RETRY_AFTER_S:
        start, body = await ask(app)
        headers = dict(start["headers"])
        waits.add(int(headers[b"retry-after"]))
        assert (503, b"application/problem+json") == (start["status"], headers[b"content-type"])
        assert len(body["body"]) == int(headers[b"content-length"])
        assert "/problems/overloaded" == json.loads(body["body"])["type"]

    assert set(RETRY_AFTER_S) == waits


async def test_a_refusal_is_in_the_words_of_the_door_it_happens_at(backend) -> None:
    start, body = await ask(door(backend, limit=Limit(0.0)), "/1/user/u1/listens")

    assert b"application/json" == dict(start["headers"])[b"content-type"]
    assert {"code", "error"} == json.loads(body["body"]).keys()
    assert 503 == json.loads(body["body"])["code"]


async def test_the_later_the_loop_the_more_are_refused_and_users_before_events(backend) -> None:
    app = door(backend)
    for _ in range(TICKS):
        app.late(sum(LAGS_S["user"]) / 2)

    users = [await status(app) for _ in range(20)]
    ahead = [await status(app, headers=AHEAD) for _ in range(20)]
    events = [await status(app, "/v1/listens") for _ in range(20)]
    health = [await status(app, "/health/ready") for _ in range(20)]

    assert (10, 0) == (users.count(200), ahead.count(200))
    assert [200] * 20 == events == health


async def test_a_loop_that_was_held_up_is_noticed(backend) -> None:
    app = door(backend)
    await ask(app)

    for _ in range(TICKS + 1):
        await asyncio.sleep(0)
        time.sleep(0.3)  # noqa: ASYNC251 - that is what is tested
        await asyncio.sleep(0.001)

    assert app._guests["user"].refused_share > 0


def test_one_long_step_refuses_nobody_and_a_queue_is_forgotten_slowly(backend) -> None:
    app, guests = door(backend), Guests()
    for lag_s in (1.0, 0.0, 1.0, 1.0, 0.0):
        app.late(lag_s)
        guests = app._guests["user"]
        assert 0 == guests.refused_share

    for _ in range(TICKS):
        app.late(1.0)
    assert 1 == guests.refused_share
    app.late(0.0)
    assert EASE == guests.refused_share
    for _ in range(100):
        app.late(0.0)
    assert 0 == guests.refused_share


async def test_a_list_has_as_much_time_as_the_client_says_and_no_more(backend) -> None:
    app = door(backend)
    for value in (b"50", b"5000", b"-1", b"x", b"9" * 5_000):
        await ask(app, headers=((b"x-request-timeout-ms", value),))
    await ask(app, "/v1/users/u1/profile")

    assert [0.05, *[TIMEOUT_S] * 4] == pytest.approx(backend.left[:5], abs=0.02)
    assert backend.left[5] == float("inf")


async def test_a_request_that_fails_gives_its_place_back(backend) -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise ZeroDivisionError

    app = Admission(broken, timeout_s=TIMEOUT_S, limit=Limit(1.0))

    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            await ask(app)


async def test_answers_after_the_deadline_lower_the_limit(backend) -> None:
    now = [0.0]

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        now[0] += 2 * TIMEOUT_S

    app = Admission(slow, timeout_s=TIMEOUT_S, limit=Limit(100.0), clock=lambda: now[0])
    for _ in range(20):
        await ask(app)

    assert 90.0 == app.limit.value


async def test_what_is_no_request_passes(backend) -> None:
    seen = []

    async def lifespan(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    await Admission(lifespan, timeout_s=1, limit=Limit(0.0))({"type": "lifespan"}, None, None)

    assert ["lifespan"] == seen
