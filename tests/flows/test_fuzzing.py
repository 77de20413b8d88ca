"""Whether the fuzz of every route would find what is wrong: routes that are, each in one way."""

from typing import Any

import pytest
from litestar import Litestar, Response, get, post
from litestar.exceptions import ValidationException
from litestar.openapi import OpenAPIConfig
from litestar.params import FromQuery
from schemathesis.core.failures import FailureGroup

from tests.flows.fuzzing import COUNTS, Watched, fuzzed

NUMBERS = OpenAPIConfig("Numbers", "1")


@get("/numbers", sync_to_thread=False)
def raises(number: FromQuery[int]) -> int:
    """Of the numbers of which nobody has thought."""
    return 100 // (number % 4)


@get("/numbers", sync_to_thread=False)
def says_something_else(number: FromQuery[int]) -> int:
    return Response(str(number), media_type="text/plain")  # type: ignore[return-value]


@get("/numbers", sync_to_thread=False)
def is_of_another_shape(number: FromQuery[int]) -> int:
    return Response({"more": number} if number > 10 else number)  # type: ignore[return-value]


@pytest.mark.parametrize(
    "route, found",
    [
        (raises, "Server error"),
        (says_something_else, "Undocumented Content-Type"),
        (is_of_another_shape, "Response violates schema"),
    ],
)
def test_a_route_that_is_wrong_is_found(route: Any, found: str) -> None:
    """The control."""
    app = Litestar([route], openapi_config=NUMBERS, logging_config=None)

    with fuzzed(Watched(app, {})) as fuzz:
        (operation,) = fuzz.operations(app.openapi_schema.to_schema()).values()
        with pytest.raises(FailureGroup) as failures:
            fuzz.ask(operation, headers={})

    assert found in {one.title for one in failures.value.exceptions}


def test_what_is_stored_and_refused_is_found() -> None:
    """The other control."""
    kept: list[int] = []

    @post("/numbers", sync_to_thread=False)
    def keeps_and_refuses(number: FromQuery[int]) -> int:
        kept.append(number)
        raise ValidationException

    async def stored() -> dict[str, int]:
        return {"numbers": len(kept)}

    app = Litestar([keeps_and_refuses], openapi_config=NUMBERS)
    with fuzzed(Watched(app, {COUNTS: stored})) as fuzz:
        (operation,) = fuzz.operations(app.openapi_schema.to_schema()).values()
        with pytest.raises(AssertionError, match="was refused and is stored"):
            fuzz.ask(operation, headers={})
