"""Base62: how EchoTune writes ids (0-9 A-Z a-z), so they survive every URL and old client."""

from uuid import NAMESPACE_URL, uuid5

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def base62(raw: bytes) -> str:
    """The bytes as one big-endian number in base 62, padded so that equal lengths stay equal."""
    number, text = int.from_bytes(raw, "big"), ""
    while number:
        number, digit = divmod(number, 62)
        text = DIGITS[digit] + text
    return text.rjust(-(-len(raw) * 8 * 1000 // 5954), "0")  # log2(62) = 5.954


def minted(kind: str, original: str) -> str:
    """A stable id for something another system calls `original`: base62 of a UUIDv5, 22 digits."""
    return base62(uuid5(NAMESPACE_URL, f"echotune:{kind}:{original}").bytes)
