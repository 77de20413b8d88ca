"""Names in other scripts and in the wrong encoding, in letters that others write them with."""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Protocol

from anyascii import anyascii

EASTERN = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
HAN = re.compile("[\u3400-\u9fff\u3005]")
OF_EAST = re.compile(f"[{EASTERN}]")
JOINT = re.compile(f"(?<=[A-Za-z])(?=[{EASTERN}])")
"""Between "The" and "ピーズ" in "Theピーズ"."""
OTHER_SCRIPT = re.compile("[\u0370-\u1fff\u3040-\ud7af]")
WESTERN = re.compile("[\u0080-\u2fff]")
ENCODINGS = ("utf-8", "euc_kr", "euc_jp", "shift_jis", "gb18030")
"""Those that tags were written in before Unicode; read as Latin they look like "½ÅÈ­"."""
SMALL_KANA = (
    (re.compile(r"(sh|ch|j)iy"), r"\1"),
    (re.compile(r"([kgnhbpmr])iy"), r"\1y"),
    (re.compile(r"fu([iaeo])"), r"f\1"),
    (re.compile(r"t([kspct])"), r"\1\1"),
    (re.compile(r"ou|oo"), "o"),
    (re.compile(r"([ui])\1"), r"\1"),
)
"""anyascii writes each sign by itself, "jiyatkusu"; Hepburn has "jakkusu". Long vowels are short,
since they are written in four ways."""
VOWELS = re.compile("[aeiouyw]+")
TWICE = re.compile(r"(.)\1+")
SOUNDS = (("ch", "k"), ("ph", "f"), ("c", "k"), ("q", "k"), ("l", "r"), ("v", "b"))
"""Japanese writes both of each pair alike."""


def decoded(name: str) -> Iterator[str]:
    """What the bytes of a name may have meant that was read as Latin, for every encoding."""
    if len(WESTERN.findall(name)) < 2:
        return
    try:
        raw = name.encode("latin-1")
    except UnicodeEncodeError:
        return
    for encoding in ENCODINGS:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8" or (len(OF_EAST.findall(text)) > 1 and not WESTERN.search(text)):
            yield text


def romanised(name: str) -> list[str]:
    """In Latin letters, as it is read and sign by sign; nothing for a name in Latin letters."""
    if not OTHER_SCRIPT.search(name):
        return []
    read = [_read(name)] if HAN.search(name) else []
    return [_hepburn(anyascii(text).lower()) for text in (*read, name)]


def sounds(key: str) -> str:
    """The consonants of a key: what is left of a foreign word in Japanese, Korean or Arabic."""
    for letters, sound in SOUNDS:
        key = key.replace(letters, sound)
    return TWICE.sub(r"\1", VOWELS.sub("", key))


def _hepburn(text: str) -> str:
    for letters, written in SMALL_KANA:
        text = letters.sub(written, text)
    return text


def _read(name: str) -> str:
    """How Japanese is read; as it is where the dictionary is not installed."""
    if (tokens := _dictionary()) is None:
        return name
    read = ((one.surface, one.reading) for one in tokens.tokenize(name))
    return " ".join(surface if reading == "*" else reading for surface, reading in read)


class Token(Protocol):
    """A word of Japanese text, and how it is read in katakana: "*" where nobody knows."""

    surface: str
    reading: str


class Dictionary(Protocol):
    """Cuts Japanese text into words."""

    def tokenize(self, text: str) -> Iterable[Token]: ...


@cache
def _dictionary() -> Dictionary | None:
    """0.3 s and 13 MB, so only where a name needs it."""
    if find_spec("janome") is None:
        return None
    dictionary: Dictionary = import_module("janome.tokenizer").Tokenizer()
    return dictionary
