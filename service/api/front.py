"""The short way of a list: answered before any framework, whether it is kept or has to be made.

Routing, injection and encoding take several times as long as looking a list up, and a fifth of what
making one takes. So a plain question is answered here; every other request goes on to the
application, which would give the same answer to the byte.
"""

import re
from collections.abc import Callable
from time import monotonic, perf_counter
from typing import Any

from litestar.datastructures import State
from msgspec import UNSET, Struct

from service import metrics, request_id
from service.api.concurrency_limit import Limit
from service.api.contract import query_of
from service.api.departures import ClientGone, while_there
from service.api.forms import form_of, read_wishes
from service.api.priority import is_prefetch, way_of
from service.api.recommendations import RecommendQuery
from service.api.refusal import Refusals
from service.api.rendering import Response, respond
from service.api.room import FIRST, Room
from service.api.scopes import may_ask
from service.api_key import Scope
from service.cache.answer import Answer
from service.cache.two_level import Source
from service.errors import EchoTuneError, Overloaded
from service.recommend.ask import Ask
from service.recommend.recommender import Recommender

ASGI = Callable[..., Any]

PATH = re.compile(r"/v1/users/([0-9A-Za-z][0-9A-Za-z._~@-]{0,63})/recommendations")
ROUTE = "/v1/users/{user_id}/recommendations"
SCOPE: Scope = "recs:read"
LOCAL: Source = "local"
MOST_QUESTIONS = 1_000
"""Query strings whose meaning is remembered; an application has a handful."""


class Question(Struct, frozen=True):
    """What a query string means; the same today and tomorrow."""

    ask: Ask
    key: str
    fields: str


class Front:
    """An ASGI application in front of `app`, whose `state` holds the house once it has started."""

    def __init__(self, app: ASGI, state: State, *, timeout_s: float, limit: Limit = FIRST) -> None:
        self._app, self._state = app, state
        self._room, self._refusals = Room(timeout_s=timeout_s, limit=limit), Refusals()
        metrics.MAKING_LIMIT.set_function(lambda: self._room.limit.value)
        self._questions: dict[bytes, Question | None] = {}
        self._seconds = {
            status: metrics.REQUEST_SECONDS.labels(ROUTE, str(status)) for status in (200, 304)
        }

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        """Send the list, or hand on; nothing to a client that has left meanwhile."""
        path = None
        if scope["type"] == "http" and scope["method"] == "GET":
            path = PATH.fullmatch(scope["path"])
        if path is None or not may_ask(scope.get("identity"), SCOPE, path[1]):
            await self._app(scope, receive, send)
            return
        try:
            await self._answer(path[1], scope, receive, send)
        except ClientGone:
            return
        except Overloaded:
            metrics.SHED.labels("prefetch", "lists").inc()
            await self._refusals.send(send)

    async def _answer(self, user_id: str, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401
        start = perf_counter()
        found = await self._list(user_id, scope, receive, start)
        if found is None:
            with while_there(receive):
                await self._app(scope, receive, send)
            return
        status, headers, body = found
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        self._seconds[status].observe(perf_counter() - start)

    async def _list(
        self,
        user_id: str,
        scope: Any,  # noqa: ANN401 - ASGI
        receive: Any,  # noqa: ANN401 - ASGI
        start: float,
    ) -> Response | None:
        """None where the application has to say what is wrong."""
        question = self._question(scope["query_string"])
        if question is None:
            return None
        wishes = read_wishes(scope["headers"])
        try:
            form = form_of(wishes, question.fields)
        except EchoTuneError:
            return None
        recommender, source = self._state.house.recommender, LOCAL
        answer = recommender.kept(user_id, question.key)
        if answer is None:
            try:
                answer, source = await self._made(user_id, question, scope, receive)
            except (ClientGone, Overloaded):
                raise
            except Exception:  # noqa: BLE001 - the application meets it too, logs it and says so
                return None
        response = respond(answer, form, wishes, self._state.house.rendered, source=source)
        way = way_of(response[0], scope["headers"])
        took_s = perf_counter() - start
        recommender.sent(user_id, question.ask, answer, way, took_s=took_s)
        return response

    async def _made(
        self,
        user_id: str,
        question: Question,
        scope: Any,  # noqa: ANN401 - ASGI
        receive: Any,  # noqa: ANN401 - ASGI
    ) -> tuple[Answer, Source]:
        """The list, if there is room for one more to be made, soon; else what is there already.

        What is kept or being made already takes no room. Who asks ahead can ask again later.
        """
        recommender: Recommender = self._state.house.recommender
        anew, start = not recommender.at_hand(user_id, question.key), monotonic()
        if anew and self._room.full and is_prefetch(scope["headers"]):
            raise Overloaded
        request_id.note(scope["headers"])
        with while_there(receive):
            if not anew:
                return await recommender.for_user(user_id, question.ask)
            if not await self._room.enter():
                return recommender.instead(user_id, question.ask)
            try:
                return await recommender.for_user(user_id, question.ask)
            finally:
                self._room.leave(start)

    def _question(self, raw: bytes) -> Question | None:
        try:
            return self._questions[raw]
        except KeyError:
            if len(self._questions) >= MOST_QUESTIONS:
                self._questions.clear()
            question = self._questions[raw] = self._understood(raw)
            return question

    def _understood(self, raw: bytes) -> Question | None:
        """None where the clock decides, or where something is wrong with it."""
        try:
            query = query_of(raw, RecommendQuery)
            if query.at is not UNSET or query.timezone is not UNSET:
                return None
            ask = query.ask()
        except EchoTuneError:
            return None
        return Question(ask, self._state.house.recommender.question(ask), query.fields)
