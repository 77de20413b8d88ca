"""Bodies, queries and path parameters as Structs, or an `Invalid` that says where and why."""

from datetime import datetime
from typing import Annotated

import msgspec
import pytest
from litestar.testing import RequestFactory
from msgspec import UNSET, Meta, Struct, UnsetType

from service.api.contract import LONGEST, MOST_PARAMETERS, decode, read_path, read_query
from service.domain import TrackId
from service.errors import Invalid


class Query(Struct, forbid_unknown_fields=True):
    """One of each kind."""

    limit: Annotated[int, Meta(ge=1)] = 20
    min: float = 0.5
    at: Annotated[datetime, Meta(tz=True)] | UnsetType = UNSET
    user: str | UnsetType = UNSET


def read(query: str) -> Query:
    request = RequestFactory().get("/")
    request.scope["query_string"] = query.encode("latin-1")
    return read_query(request, Query)


def test_values_arrive_typed() -> None:
    query = read("limit=5&min=1e-1&at=2026-03-01T10:00:00Z&user=null")

    assert (5, 0.1, "null") == (query.limit, query.min, query.user)
    assert isinstance(query.at, datetime)
    assert Query() == read("")


@pytest.mark.parametrize(
    "query, reason",
    [
        ("limit=1&limit=1", "twice"),
        ("limit=%ff", "UTF-8"),
        ("limit=\xff", "UTF-8"),
        ("&".join(["limit=1"] * (MOST_PARAMETERS + 1)), f"at most {MOST_PARAMETERS}"),
        ("limit=1e1", "whole number"),
        ("limit=1.0", "whole number"),
        ("limit=0", "limit"),
        ("at=1700000000", "2026-03-01T10:00:00Z"),
        ("at=null", "at"),
        ("nope=1", "nope"),
    ],
)
def test_what_is_wrong_is_said(query: str, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        read(query)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'"\xff"', b"[" * 100_000, b"\xef\xbb\xbf1"])
def test_a_body_that_is_none(body: bytes) -> None:
    for wanted in (Query, list[Query], list[msgspec.Raw], dict[str, int]):
        with pytest.raises(Invalid, match="body"):
            decode(body, msgspec.json.Decoder(wanted))


def test_a_reason_is_no_echo() -> None:
    """What was sent is quoted in part, however long it is; the place stays readable."""
    with pytest.raises(Invalid) as refused:
        decode(b'{"%s":1}' % (b"x" * 100_000), msgspec.json.Decoder(Query))

    assert len(str(refused.value)) < LONGEST + 100
    assert "xxx" in str(refused.value)


def test_an_id_is_one_or_is_refused() -> None:
    assert "abc9" == read_path("abc9", TrackId)
    for wrong in ("", "a\n", "a-b", "x" * 65):
        with pytest.raises(Invalid, match="not an id"):
            read_path(wrong, TrackId)
