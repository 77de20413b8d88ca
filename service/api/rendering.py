"""One cached answer as the bytes and headers of one of its forms. Pure but for memo and clock."""

import gzip
from time import monotonic
from typing import Final

import brotli
import msgspec
import zstandard

from service.api.fields import pick
from service.api.forms import JSON, Form, Wishes, is_known
from service.cache.answer import Answer
from service.cache.rendered import Rendered, Rendering
from service.cache.two_level import Source

SMALLEST: Final = 600  # bytes: what is smaller travels in one packet as it is
BROTLI_QUALITY: Final = 5
ZSTD_LEVEL: Final = 6
GZIP_LEVEL: Final = 6
"""0.10, 0.05 and 0.06 ms for 20 tracks, 0.31, 0.18 and 0.26 ms for 100 (6.0 and 28 KB, medians of
40 listeners): short enough for the event loop. Brotli 9 takes 2.4 ms to leave as much, 11 takes
6.8 ms for 6 % less."""

Headers = list[tuple[bytes, bytes]]
Response = tuple[int, Headers, bytes]  # status, headers, body


def respond(
    answer: Answer, form: Form, wishes: Wishes, rendered: Rendered, *, source: Source
) -> Response:
    """The list in this form, or a 304 for whoever has it."""
    if_none_match = wishes[2]
    if if_none_match and is_known(if_none_match, form.etag(answer.tag)):
        return 304, answer_headers(answer, form, None, source=source, age_s=0), b""
    rendering = render(answer, form, rendered)
    age_s = int(monotonic() - answer.made)
    headers = answer_headers(answer, form, rendering, source=source, age_s=age_s)
    return 200, headers, rendering.body


def render(answer: Answer, form: Form, rendered: Rendered) -> Rendering:
    """The body in this form; made at most once while `rendered` keeps it."""
    if form.suffix == "json":
        return Rendering(answer.body, "identity")
    return rendered.get(form.etag(answer.tag), lambda: write(answer.body, form))


def write(body: bytes, form: Form) -> Rendering:
    """A JSON body in this form; a small one is not compressed whatever the form says."""
    if form.media != JSON or form.fields:
        page = pick(msgspec.json.decode(body), form.fields)
        body = msgspec.json.encode(page) if form.media == JSON else msgspec.msgpack.encode(page)
    return compress(body, form.coding)


def compress(body: bytes, coding: str) -> Rendering:
    """The body in this coding, or as it is when it is small."""
    if len(body) < SMALLEST:
        return Rendering(body, "identity")
    match coding:
        case "br":
            return Rendering(brotli.compress(body, quality=BROTLI_QUALITY), "br")
        case "zstd":
            return Rendering(zstandard.compress(body, ZSTD_LEVEL), "zstd")
        case "gzip":
            return Rendering(gzip.compress(body, GZIP_LEVEL, mtime=0), "gzip")
    return Rendering(body, "identity")


def answer_headers(
    answer: Answer, form: Form, rendering: Rendering | None, *, source: Source, age_s: int
) -> Headers:
    """Response headers of this answer; without a rendering those of a 304, and nothing beyond.

    A 304 repeats what RFC 9110 (15.4.5) wants repeated, and where the list came from.
    """
    headers = [
        (b"etag", form.etag(answer.tag)),
        (b"cache-control", b"private, no-cache"),
        (b"vary", b"Accept, Accept-Encoding"),
        (b"server-timing", b"cache;desc=%b" % source.encode()),
    ]
    if rendering is None:
        return headers
    headers += [
        (b"age", b"%d" % age_s),
        (b"content-type", form.media.encode()),
        (b"content-length", b"%d" % len(rendering.body)),
    ]
    if rendering.coding != "identity":
        headers.append((b"content-encoding", rendering.coding.encode()))
    return headers
