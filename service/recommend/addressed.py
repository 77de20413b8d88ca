"""One list for many: encoded once for nobody, then sent to each with their name on it."""

from hashlib import blake2b

import msgspec
from msgspec import structs

from service.base62 import base62
from service.cache.answer import Answer

NOBODY = ""
"""The user id under which a list for many is made; no real id is empty."""
BLANK = b'{"user_id":"","list_id":"",'
"""How an encoded page for nobody begins."""


def blank(answer: Answer) -> Answer:
    """A page that was made for `NOBODY`, without the id of its list."""
    named = b'{"user_id":"","list_id":"%b",' % answer.tag.encode()
    return structs.replace(answer, body=BLANK + answer.body.removeprefix(named))


def address(answer: Answer, user_id: str) -> Answer:
    """A blank page with this user's name on it, and a list id of their own."""
    tag = base62(blake2b(f"{user_id}\0{answer.tag}".encode(), digest_size=8).digest())
    names = b'{"user_id":%b,"list_id":"%b",' % (msgspec.json.encode(user_id), tag.encode())
    return structs.replace(answer, body=names + answer.body[len(BLANK) :], tag=tag)
