"""Every form of a list says what its JSON says."""

import gzip
from itertools import product

import brotli
import msgspec
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from service.api.fields import KNOWN
from service.api.forms import CODINGS, MSGPACK, Form, read_form
from service.api.rendering import SMALLEST, answer_headers, render, write
from service.cache.answer import Answer
from service.cache.rendered import Rendered, Rendering

UNPACK = {
    "identity": bytes,
    "br": brotli.decompress,
    "zstd": zstandard.decompress,
    "gzip": gzip.decompress,
}
FIELDS = ("", "track.id,score,reason.text", "reason.features", "rank,track")
FORMS = [
    read_form(accept, coding.encode(), fields)
    for accept, coding, fields in product((b"", MSGPACK[0].encode()), ("", *CODINGS), FIELDS)
]
TEXT = st.text(max_size=20)
ONE = st.fixed_dictionaries(
    {
        "rank": st.integers(1, 100),
        "track": st.fixed_dictionaries({"id": TEXT, "title": TEXT, "artist": TEXT}),
        "score": st.floats(allow_nan=False, allow_infinity=False),
    },
    optional={
        "reason": st.fixed_dictionaries(
            {"stage": TEXT, "text": TEXT}, optional={"seeds": st.lists(TEXT, max_size=3)}
        )
    },
)
PAGE = st.fixed_dictionaries({"user_id": TEXT, "recommendations": st.lists(ONE, max_size=30)})


def an_answer(body: bytes, tag: str = "list") -> Answer:
    return Answer(body, tag, rev=1, made=0.0, cost_s=0.1, fresh_s=1.0, stale_s=1.0)


def read(rendering: Rendering, form: Form) -> dict:
    decode = msgspec.json.decode if form.suffix.startswith("json") else msgspec.msgpack.decode
    return decode(UNPACK[rendering.coding](rendering.body))


def wanted(page: dict, fields: str) -> dict:
    """The plain way: walk what is there, keep what is named."""
    names = set(fields.split(","))
    places = []
    for one in page["recommendations"]:
        kept = {}
        for top, value in one.items():
            if top in names:
                kept[top] = value
            elif isinstance(value, dict):
                inner = {name: v for name, v in value.items() if f"{top}.{name}" in names}
                kept |= {top: inner} if inner else {}
        places.append(kept)
    return page | {"recommendations": places}


@settings(max_examples=500, deadline=None)
@given(page=PAGE, form=st.sampled_from(FORMS))
def test_any_form_decodes_to_the_content_of_the_json(page: dict, form: Form) -> None:
    body = msgspec.json.encode(page)
    rendering = write(body, form)

    fields = ",".join(form.fields or sorted(KNOWN))
    assert wanted(msgspec.json.decode(body), fields) == read(rendering, form)
    assert rendering.coding in ("identity", form.coding)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.suffix)
def test_a_small_body_is_left_alone(form: Form) -> None:
    small = write(b'{"recommendations":[]}', form)
    large = write(b'{"recommendations":[],"x":"%s"}' % (b"x" * SMALLEST), form)

    assert ("identity", form.coding) == (small.coding, large.coding)


def test_plain_json_is_the_cached_body_itself() -> None:
    rendered, answer = Rendered(1 << 20), an_answer(b"{}")

    assert answer.body is render(answer, read_form(b"", b"", ""), rendered).body
    assert 0 == rendered.weight


def test_a_form_of_a_list_is_made_once() -> None:
    rendered, form = Rendered(1 << 20), read_form(b"", b"br", "")
    first = render(an_answer(b"[%s]" % (b" " * 1000)), form, rendered)

    assert first is render(an_answer(b"never read"), form, rendered)
    assert first is not render(an_answer(b"[]", "another list"), form, rendered)
    assert first is not render(an_answer(b"[]"), read_form(b"", b"gzip", ""), rendered)


def test_headers_of_an_answer() -> None:
    form = read_form(b"application/x-msgpack", b"zstd", "")
    rendering = Rendering(b"12345", "zstd")
    headers = dict(answer_headers(an_answer(b"{}"), form, rendering, source="shared", age_s=3))

    assert {
        b"etag": b'"list-msgpack-zstd"',
        b"cache-control": b"private, no-cache",
        b"vary": b"Accept, Accept-Encoding",
        b"server-timing": b"cache;desc=shared",
        b"age": b"3",
        b"content-type": b"application/x-msgpack",
        b"content-length": b"5",
        b"content-encoding": b"zstd",
    } == headers


def test_headers_of_what_is_unchanged_or_not_compressed() -> None:
    form, answer = read_form(b"", b"br", ""), an_answer(b"{}")
    unchanged = dict(answer_headers(answer, form, None, source="local", age_s=3))
    small = dict(
        answer_headers(answer, form, Rendering(b"{}", "identity"), source="local", age_s=3)
    )

    assert {b"etag", b"cache-control", b"vary", b"server-timing"} == unchanged.keys()
    assert b"content-encoding" not in small
    assert unchanged.items() <= small.items()
