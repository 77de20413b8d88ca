"""Requests made out of an API description, and what schemathesis finds wrong with the answers."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from time import sleep
from typing import Any

import msgspec
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS
from schemathesis.python import asgi
from schemathesis.specs.openapi import checks as described  # registers them

from tests import worlds
from tests.faults.sizes import size

CHECKED = (
    *CHECKS.get_by_names(["not_a_server_error"]),
    described.status_code_conformance,
    described.content_type_conformance,
    described.response_schema_conformance,
    described.response_headers_conformance,
    described.allow_header_conformance,
    described.unsupported_method,
    described.negative_data_rejection,
)
IGNORED = {
    "positive_data_acceptance": "that a track is known, or a time zone, no description can say",
    "missing_required_header": "no route describes one",
    "ignored_auth": "tests/flows/test_access_matrix.py asks every route as everybody",
    "object_level_authorization": "so it does with what is another user's",
    "use_after_free": "links between routes are not described; tests/flows/test_privacy.py erases",
    "ensure_resource_availability": "links between routes are not described",
}
EXAMPLES = size(4, 150)
"""Of each sort, beside every value at the edges of what is described."""
COUNTS, DESCRIPTION = "/what-is-stored", "/what-is-described"
KNOWN = {
    "user_id": ["jazz-u0", "folk-u1"],
    "track_id": ["jazz00", "folk01"],
    "name": ["calm", "content"],
    "at": [worlds.YESTERDAY.isoformat()],
}
"""What exists: nearly all of an answer comes only to who asks for that."""
MEMBERS = KNOWN.keys() - {"name"}
"""Of bodies; a name there is of something new."""
OVERLOADED = b"More is asked at once than can be answered in time"
MOST_TRIES = 100
LONGEST = 1_000  # characters of a request that are shown
LITTLE = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)


class Watched:
    """An ASGI application in front of `app`, with `more` paths for the tests' own questions."""

    def __init__(self, app: Any, more: dict[str, Callable[[], Awaitable[Any]]]) -> None:
        self._app, self.more = app, more

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        asked = self.more.get(scope.get("path", ""))
        if asked is None:
            await self._app(scope, receive, send)
            return
        headers = [(b"content-type", b"application/json")]
        body = msgspec.json.encode(await asked())
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class Fuzz:
    """Asks a running application what its description allows, and what it does not."""

    def __init__(self, app: Watched, client: Any) -> None:
        self.client, self._app = client, app
        self.asked = self.sent_away = 0

    def operations(self, description: dict[str, Any]) -> dict[str, Any]:
        """By method and path."""

        async def told() -> dict[str, Any]:
            return description

        self._app.more[DESCRIPTION] = told
        schema = schemathesis.openapi.from_asgi(DESCRIPTION, self._app)
        # A body may be too large before anybody reads what else is wrong with it.
        rejection = schema.config.checks.negative_data_rejection
        rejection.expected_statuses = [*rejection.expected_statuses, "413"]
        every: Any = schema.get_all_operations()
        found = [one.ok() for one in every]
        return {one.label: one for one in found}

    def stored(self) -> dict[str, int]:
        return self.client.get(COUNTS).json() if COUNTS in self._app.more else {}

    def ask(
        self, operation: Any, *, headers: dict[str, str], but: tuple[Any, ...] = ()
    ) -> list[tuple[int, bytes]]:
        """Every answer. `but`: checks that do not hold for this operation.

        Raises:
            FailureGroup: what is wrong with an answer.
            AssertionError: what was refused is stored.
        """
        answers, checks = [], [check for check in CHECKED if check not in but]

        def attempt(case: Any) -> None:
            watched = case.method != "GET" and operation.method != "delete"
            before = self.stored() if watched else {}
            answer = self._answer(case, headers)
            case.validate_response(answer, checks=checks)
            if watched and answer.status_code >= 400:
                curl = case.as_curl_command()[:LONGEST]
                assert before == self.stored(), f"this was refused and is stored: {curl}"
            answers.append((answer.status_code, answer.content))

        for case in operation.schema.iter_coverage_cases(
            operation,
            generation_modes=list(GenerationMode),
            generation_config=operation.schema.config.generation,
        ):
            attempt(case)
        LITTLE(given(case=operation.as_strategy())(lambda case: attempt(_of_the_world(case))))()
        for mode in GenerationMode:
            # A path is a string whatever it is: nothing that could be wrong would come there.
            if mode is GenerationMode.POSITIVE or operation.query or operation.body:
                LITTLE(given(case=operation.as_strategy(mode))(attempt))()
        return answers

    def _answer(self, case: Any, headers: dict[str, str]) -> Any:
        """Who is told to come again does so: a fit that goes on meanwhile may keep the loop."""
        for _ in range(MOST_TRIES):
            answer = case.call(session=self.client, headers=headers)
            self.asked += 1
            if answer.status_code != 503 or OVERLOADED not in answer.content:
                break
            self.sent_away += 1
            sleep(0.1)
        return answer


@contextmanager
def fuzzed(app: Watched) -> Iterator[Fuzz]:
    """Started, and stopped in the end."""
    try:
        with asgi.get_client(app) as client:
            yield Fuzz(app, client)
    finally:
        asgi.shutdown_lifespans()


def with_examples(description: Any) -> Any:
    """The same description, with what exists as examples: edges are tried on those."""
    if isinstance(description, list):
        return [with_examples(one) for one in description]
    if not isinstance(description, dict):
        return description
    walked = {key: with_examples(value) for key, value in description.items()}
    if description.get("in") == "path" and description["name"] in KNOWN:
        return walked | {"schema": walked["schema"] | {"examples": KNOWN[description["name"]]}}
    if isinstance(members := walked.get("properties"), dict):
        named = MEMBERS & members.keys()
        known = {name: members[name] | {"examples": KNOWN[name]} for name in named}
        return walked | {"properties": members | known}
    return walked


def _of_the_world(case: Any) -> Any:
    """The same request about what exists."""
    if case.path_parameters:
        case.path_parameters = _renamed(case.path_parameters)
    if isinstance(case.body, dict | list):
        case.body = _renamed(case.body)
    return case


def _renamed(value: Any) -> Any:
    if isinstance(value, list):
        return [_renamed(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: KNOWN[name][0] if name in KNOWN and isinstance(one, str) else _renamed(one)
        for name, one in value.items()
    }
