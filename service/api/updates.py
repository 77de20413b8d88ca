"""GET /v1/users/{id}/updates: told at once when another list is to be had."""

import asyncio
from time import monotonic
from typing import Any

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.types import ASGIApp
from msgspec.json import encode

from service.api.contract import AnyRequest, documents, read_path
from service.api.departures import ClientGone, while_there
from service.api.scopes import scope
from service.domain import UserId
from service.learn.accounts import Accounts
from service.learn.updates import Update, Updates, Watch
from service.model.current import Current

EVENTS = "text/event-stream"
BEAT_S = 15.0
"""Proxies close what says nothing for a minute or half of one."""
GAP_S = 0.1
"""Between two updates: a player that is told ten times a second asks often enough."""
LIFE_S = 900.0
"""Then the player comes anew, to whichever process; one that vanished holds no place for longer."""
SEND_S = 10.0
RETRY_MS = 2_000
HEADERS = [
    (b"content-type", EVENTS.encode()),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


class UpdateController(Controller):
    """What a player holds open."""

    tags = ("users",)

    @get(
        "/v1/users/{user_id:str}/updates",
        operation_id="watchUser",
        operation_class=documents(stream=Update),
        media_type=EVENTS,
        opt=scope("recs:read", whose="path"),
        sync_to_thread=False,
    )
    def updates(
        self,
        request: AnyRequest,
        user_id: FromPath[str],
        updates: NamedDependency[Updates],
        current: NamedDependency[Current],
        accounts: NamedDependency[Accounts],
    ) -> ASGIApp:
        """Server-sent events named `update`: ask for the list again. Open it before asking first.

        `rev` grows with every change of the user and is 0 of nobody known. Whoever comes back with
        Last-Event-ID is told at once if anything has changed since. A comment every 15 seconds
        keeps the line open; after a quarter of an hour, under load, and when the process stops, the
        stream ends and says by `retry` when to come back.
        """
        user_id = read_path(user_id, UserId)
        headers = request.scope["headers"]
        seen = next((value for name, value in headers if name == b"last-event-id"), b"")
        return Stream(updates, accounts, current, user_id, seen)


class Stream:
    """An ASGI application that answers one request for as long as both sides want."""

    def __init__(
        self, updates: Updates, accounts: Accounts, current: Current, user_id: str, seen: bytes
    ) -> None:
        self._updates, self._accounts, self._current = updates, accounts, current
        self._user_id, self._seen = user_id, seen

    async def __call__(self, _scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        """Tell until the client leaves, takes nothing any more, or is sent away.

        Raises:
            StoreUnavailable: nobody can tell what the client has missed.
        """
        try:
            with self._updates.open(self._user_id) as watch, while_there(receive):
                watch.rev = max(watch.rev, await self._accounts.rev(self._user_id))
                await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
                await self._tell(watch, send)
        except (ClientGone, TimeoutError):
            return

    async def _tell(self, watch: Watch, send: Any) -> None:  # noqa: ANN401 - ASGI
        now = self._id(watch.rev)
        await _send(send, b"retry: %d\nid: %b\n\n" % (RETRY_MS, now))  # no data: wakes nobody
        if self._seen and self._seen != now:
            await _send(send, self._event(Update(watch.rev, "missed")))
        until = monotonic() + LIFE_S
        while watch.back_in_s is None and (left_s := until - monotonic()) > 0:
            update = await watch.next(min(BEAT_S, left_s))
            if update is not None:
                await _send(send, self._event(update))
                await asyncio.sleep(GAP_S)
            elif watch.back_in_s is None:
                await _send(send, b":\n\n")
        if watch.back_in_s is not None:
            await _send(send, b"retry: %d\n\n" % (watch.back_in_s * 1000))
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _event(self, update: Update) -> bytes:
        return b"id: %b\nevent: update\ndata: %b\n\n" % (self._id(update.rev), encode(update))

    def _id(self, rev: int) -> bytes:
        return f"{rev}.{self._current.stamp}".encode()


async def _send(send: Any, body: bytes) -> None:  # noqa: ANN401 - ASGI
    """Hand on a part of the stream.

    Raises:
        TimeoutError: the client takes nothing: buffers are full, and stay so.
    """
    async with asyncio.timeout(SEND_S):
        await send({"type": "http.response.body", "body": body, "more_body": True})
