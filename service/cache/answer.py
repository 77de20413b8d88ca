"""An encoded answer with what caching needs to know about it, and its form on the wire.

On the wire: rev (16 digits), generation (16 characters), CRC-32 of key and body, wall time of
making, seconds of work, fresh and stale, lengths of tag, rows and chances, tag, rows, chances,
body. The Lua scripts read the first 32 bytes.
"""

import struct
from typing import Final
from zlib import crc32

from msgspec import Struct

HEAD: Final = struct.Struct("<16s16sIdfffBHH")
"""Rev and generation are text, since Lua reads them; see GENERATION_BYTES."""
GENERATION_BYTES = 16


class Answer(Struct, frozen=True):
    """A body, and what it was made from."""

    body: bytes
    tag: str  # names exactly this body: what an ETag is made of
    rev: int  # of the user, as read before anything else
    made: float  # monotonic seconds of this process
    cost_s: float  # what making it took
    fresh_s: float  # how long it is as good as new
    stale_s: float  # how long after that it may bridge the making of the next
    rows: bytes = b""  # int32 of the catalogue, best first: what it shows
    chances: bytes = b""  # float32: how likely each was to be there; empty: all certain

    @property
    def weight(self) -> int:
        """Bytes it holds, roughly."""
        return len(self.body) + len(self.tag) + len(self.rows) + len(self.chances)


def encode(answer: Answer, key: str, generation: bytes, *, age_s: float, now: float) -> bytes:
    """The answer as bytes; `now` is wall time, since monotonic clocks differ between machines."""
    tag = answer.tag.encode()
    head = HEAD.pack(
        b"%016d" % answer.rev,
        generation,
        _check(key, answer.rows + answer.chances, answer.body),
        now - age_s,
        answer.cost_s,
        answer.fresh_s,
        answer.stale_s,
        len(tag),
        len(answer.rows),
        len(answer.chances),
    )
    return head + tag + answer.rows + answer.chances + answer.body


def decode(value: bytes, key: str, *, monotonic: float, now: float) -> tuple[Answer, bytes] | None:
    """The answer and its generation; None unless it is whole and belongs under `key`."""
    try:
        head = HEAD.unpack_from(value)
        rev, generation, check, made, cost_s, fresh_s, stale_s = head[:7]
        length, shown, drawn = head[7:]
        tag = value[HEAD.size : HEAD.size + length].decode()
        rest = value[HEAD.size + length :]
        rows, chances, body = rest[:shown], rest[shown : shown + drawn], rest[shown + drawn :]
        if check != _check(key, rows + chances, body):
            return None
        made = monotonic - max(now - made, 0.0)  # another machine's clock may be ahead
        answer = Answer(body, tag, int(rev), made, cost_s, fresh_s, stale_s, rows, chances)
        return answer, generation
    except (struct.error, ValueError):  # UnicodeDecodeError is a ValueError
        return None


def _check(key: str, rows: bytes, body: bytes) -> int:
    return crc32(body, crc32(rows, crc32(key.encode())))
