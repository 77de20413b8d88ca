"""The forms of one answer: media type, content coding and members, as the request wants them.

Only JSON is cached (`service/cache/answer.py`); every other form is made from it, once per list.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import Final, Literal

from msgspec import Struct

from service.api.fields import read_fields
from service.base62 import base62
from service.errors import NotAcceptable

Wishes = tuple[bytes, bytes, bytes]  # Accept, Accept-Encoding, If-None-Match
Coding = Literal["identity", "br", "zstd", "gzip"]

JSON: Final = "application/json"
MSGPACK: Final = ("application/msgpack", "application/vnd.msgpack", "application/x-msgpack")
CODINGS: Final[tuple[Coding, ...]] = ("br", "zstd", "gzip")
"""By what they leave of 20 tracks: 1361, 1444 and 1461 bytes of 6015 (medians, demo world)."""
LONGEST: Final = 1_000  # bytes of a header that are read: Chrome's Accept has 150
QUALITY: Final = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")


class Form(Struct, frozen=True):
    """How one answer is written; equal forms of one list are the same bytes."""

    media: str
    coding: Coding
    fields: tuple[str, ...]  # of each recommendation; () for all
    suffix: str  # tells the forms of one list apart in its ETag

    def etag(self, tag: str) -> bytes:
        """The strong ETag of the list with this tag in this form."""
        return f'"{tag}-{self.suffix}"'.encode()


def read_form(accept: bytes, accept_encoding: bytes, fields: str) -> Form:
    """The form that serves a request best; plain JSON for whoever asks for nothing.

    Equal qualities are decided by what is named over what `*` covers, then by the order named for
    media types and by size for codings. A coding nobody can serve is no reason to refuse.

    Raises:
        Invalid: `fields` names what is no member.
        NotAcceptable: `accept` leaves neither JSON nor MessagePack.
    """
    return _form(accept[:LONGEST], accept_encoding[:LONGEST], fields)


def form_of(wishes: Wishes, fields: str) -> Form:
    """`read_form` of what `read_wishes` found."""
    accept, accept_encoding, _ = wishes
    return read_form(accept, accept_encoding, fields)


def read_coding(accept_encoding: bytes) -> Coding:
    """The content coding alone, for answers that have one media type."""
    return _coding(accept_encoding[:LONGEST])


def read_wishes(headers: Iterable[tuple[bytes, bytes]]) -> Wishes:
    """Accept, Accept-Encoding and If-None-Match out of ASGI headers; repeated ones are joined."""
    accept = accept_encoding = if_none_match = b""
    for name, value in headers:
        if name == b"accept":
            accept += b"," + value
        elif name == b"accept-encoding":
            accept_encoding += b"," + value
        elif name == b"if-none-match":
            if_none_match += b"," + value
    return accept[1:], accept_encoding[1:], if_none_match[1:]


def is_known(if_none_match: bytes, etag: bytes) -> bool:
    """Whether the client says it has this, as a strong tag, a weak one or `*`."""
    # No tag may hold a quote, so a quoted tag is found nowhere but where it is meant.
    return etag in if_none_match or if_none_match.strip() == b"*"


@lru_cache(1024)  # phones of one make all ask for the same
def _form(accept: bytes, accept_encoding: bytes, fields: str) -> Form:
    media, coding, members = _media(accept), _coding(accept_encoding), read_fields(fields)
    suffix = "json" if media == JSON else "msgpack"
    if coding != "identity":
        suffix += f"-{coding}"
    if members:
        suffix += "-" + base62(blake2b(",".join(members).encode(), digest_size=4).digest())
    return Form(media, coding, members, suffix)


def _media(accept: bytes) -> str:
    asked = _qualities(accept)
    if not asked:
        return JSON
    places = {name: place for place, name in enumerate(asked)}

    def rank(media: str) -> tuple[float, bool, int]:
        for name in (media, "application/*", "*/*"):
            if name in asked:
                return asked[name], name == media, -places[name]
        return 0.0, False, 0

    best = max((JSON, *MSGPACK), key=rank)  # the first of equals
    if not rank(best)[0]:
        raise NotAcceptable(f"lists come as {JSON} or {MSGPACK[0]}, and Accept takes neither")
    return best


def _coding(accept_encoding: bytes) -> Coding:
    asked = _qualities(accept_encoding)
    others = asked.get("*", 0.0)
    if "x-gzip" in asked:  # the same coding (RFC 9110, 8.4.1.3)
        asked.setdefault("gzip", asked["x-gzip"])
    best = max(CODINGS, key=lambda coding: asked.get(coding, others))  # the first of equals
    quality = asked.get(best, others)
    return best if quality and quality >= asked.get("identity", 0.0) else "identity"


def _qualities(header: bytes) -> dict[str, float]:
    """What a header names, in its order, with q; what is no quality is not there."""
    found: dict[str, float] = {}
    for part in header.decode("latin-1").lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        given = [text.removeprefix("q=") for text in parameters if text.startswith("q=")]
        quality = given[0] if given else "1"
        if name and QUALITY.fullmatch(quality):
            found.setdefault(name, float(quality))
    return found
