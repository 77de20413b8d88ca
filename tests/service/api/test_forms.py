"""Which form of an answer a request gets, and what it calls it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.api.fields import KNOWN, read_fields
from service.api.forms import CODINGS, LONGEST, is_known, read_form, read_wishes
from service.errors import Invalid, NotAcceptable

MSGPACK = "application/msgpack"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize(
    "accept, media",
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        (BROWSER, "application/json"),
        ("application/json, text/plain, */*", "application/json"),  # axios
        (MSGPACK, MSGPACK),
        ("Application/MsgPack; charset=x", MSGPACK),
        ("application/vnd.msgpack", "application/vnd.msgpack"),
        ("application/x-msgpack", "application/x-msgpack"),
        ("application/msgpack, */*", MSGPACK),
        ("application/msgpack, application/json", MSGPACK),
        ("application/json, application/msgpack", "application/json"),
        ("application/msgpack;q=0.5, application/json;q=0.9", "application/json"),
        ("application/msgpack;q=0.5, */*;q=0.1", MSGPACK),
        ("application/json;q=0, */*", MSGPACK),
        ("text/html, application/x-msgpack;q=0.001", "application/x-msgpack"),
        ("application/msgpack;q=nonsense, */*;q=0.1", "application/json"),
        (";;, ,", "application/json"),
    ],
)
def test_media_types(accept: str, media: str) -> None:
    assert media == read_form(accept.encode(), b"", "").media


@pytest.mark.parametrize(
    "accept", ["text/html", "*/*;q=0", "application/*;q=0.0, text/*", "application/json;q=0"]
)
def test_whoever_takes_neither_is_told(accept: str) -> None:
    with pytest.raises(NotAcceptable, match="application/msgpack"):
        read_form(accept.encode(), b"", "")


@pytest.mark.parametrize(
    "accept_encoding, coding",
    [
        ("", "identity"),
        ("identity", "identity"),
        ("compress, unknown", "identity"),
        ("gzip", "gzip"),  # OkHttp
        ("x-gzip", "gzip"),
        ("gzip, deflate", "gzip"),
        ("gzip, deflate, br", "br"),  # NSURLSession
        ("gzip, deflate, br, zstd", "br"),  # Chrome
        ("GZIP, ZSTD", "zstd"),
        ("*", "br"),
        ("*;q=0.5, br;q=0", "zstd"),
        ("br;q=0, gzip", "gzip"),
        ("br;q=0.1, gzip;q=0.2", "gzip"),
        ("gzip;q=0.5, identity", "identity"),
        ("gzip, identity", "gzip"),
        ("identity;q=0", "identity"),
        ("*;q=0", "identity"),
        ("br;q=2, gzip", "gzip"),
        ("br;q=0.1234, gzip;q=0.001", "gzip"),
    ],
)
def test_codings(accept_encoding: str, coding: str) -> None:
    assert coding == read_form(b"", accept_encoding.encode(), "").coding


@pytest.mark.parametrize(
    "fields, members",
    [
        ("", ()),
        ("score", ("score",)),
        ("track.id,score,reason.text", ("reason.text", "score", "track.id")),
        ("track.id,track,track.id", ("track",)),
        ("reason,score,track,rank", ()),
    ],
)
def test_fields(fields: str, members: tuple[str, ...]) -> None:
    assert members == read_form(b"", b"", fields).fields


@pytest.mark.parametrize(
    "fields", ["nope", "track.", "track.genres", "score,", ",", "score.x", " "]
)
def test_what_is_no_field_is_refused(fields: str) -> None:
    with pytest.raises(Invalid, match="is no member"):
        read_fields(fields)


def test_a_suffix_for_each_form() -> None:
    """Equal questions in other words share a form; different bytes never share an ETag."""
    forms = [
        read_form(accept, coding.encode(), fields)
        for accept in (b"", MSGPACK.encode())
        for coding in ("", *CODINGS)
        for fields in ("", "score", "track.id", "track.id,score")
    ]

    assert len(forms) == len({form.suffix for form in forms})
    assert b'"list-json"' == read_form(b"", b"", "").etag("list")
    assert b'"list-msgpack-zstd"' == read_form(MSGPACK.encode(), b"zstd", "").etag("list")
    assert read_form(b"", b"br", "score,rank") == read_form(b"*/*", b"br, gzip", "rank,score")


@settings(max_examples=500, deadline=None)
@given(
    st.binary(max_size=LONGEST + 50),
    st.binary(max_size=50),
    st.lists(st.sampled_from(sorted(KNOWN)), max_size=12),
)
def test_no_header_is_a_bug(accept: bytes, accept_encoding: bytes, fields: list[str]) -> None:
    try:
        form = read_form(accept, accept_encoding, ",".join(fields))
    except NotAcceptable:
        return

    assert form.coding in ("identity", *CODINGS)
    assert form.etag("x").isascii()


def test_wishes_are_joined() -> None:
    headers = [(b"accept", b"a"), (b"host", b"x"), (b"accept", b"b"), (b"if-none-match", b"*")]

    assert (b"a,b", b"", b"*") == read_wishes(headers)


@pytest.mark.parametrize(
    "if_none_match, known",
    [
        ('"a-json"', True),
        ('W/"a-json"', True),
        ('"other", W/"a-json" , "b"', True),
        ("*", True),
        (" * ", True),
        ("", False),
        ('"a-json-br"', False),
        ('"ba-json"', False),
        ("a-json", False),
        ('"*"', False),
    ],
)
def test_what_a_client_knows(if_none_match: str, known: bool) -> None:
    assert known is is_known(if_none_match.encode(), b'"a-json"')
