"""The ways in which one name can be read, and the parts of it that can be a name by themselves."""

import html
import re
from collections.abc import Iterator

from msgspec import Struct

from service.doors.identity.names import GUEST, plain
from service.doors.identity.scripts import EASTERN, JOINT, decoded, romanised
from service.model.works import folded

LIGHT = frozenset({"and", "the", "feat", "ft", "featuring", "with", "vs", "presents", "pres"})
"""Words that say nothing about who it is."""
TURNED = re.compile(r"([^,&]+), ([^,&]+)\Z")
GUESTED = re.compile(rf"{GUEST.pattern}|[\s(\[]+f\.\s?\S.*$", re.IGNORECASE)
NUMBERED = re.compile(
    r"^(?:[\[(][a-z]?\d{1,3}[\])]|\d{1,3})[\s.\-_]*(?=\D)|\s-\s*\d{1,2}$", re.IGNORECASE
)
LINK = re.compile(r"\(?(?:www\.)?\w+\.(?:com|net|org)\b\)?[-\s]*", re.IGNORECASE)
BREAK = re.compile(
    r"\s(?:[-\u2013/&+♥]|and|with|vs\.?|f\.|feat\.?|ft\.?|featuring|pres\.?|presents|as|of)\s+"
    r"|\s(?:feat|ft)\.|\s*[\[(/,;:\])（）]\s*|\s-|-\s|\s{3,}|\sw/\s?"
    rf"|(?<=[A-Za-z])\s(?=[{EASTERN}])",
    re.IGNORECASE,
)
"""Where a part of a name ends: a title, a label or somebody else may follow."""
STYLED = str.maketrans({"$": "s", "Я": "r", "я": "r", "@": "a"})
SHOUT = re.compile(r"(?<=\w)!(?=\w)")
"""Letters of P!nk and KoЯn."""
SIGNS = str.maketrans({"+": " plus ", "-": " minus "})
COUNT = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve"),
)
NUMBER = re.compile(r"(?<!\w)\d{1,2}(?!\w)")
SPLIT = re.compile(r"[^\w]|_")
SILENT = re.compile("['\u2019`\u00b4\"\ufffd]")
PARTS = 6


class Form(Struct, frozen=True, gc=False):
    """One reading of a name. Keys are its words without spaces, as they come and in order."""

    text: str
    words: tuple[str, ...]
    key: str
    ordered: str
    foreign: bool  # out of another script

    def called(self, keys: tuple[str, str]) -> bool:
        """Whether these are the keys of the same name."""
        return keys[0] == self.key or keys[1] == self.ordered

    @property
    def parts(self) -> list[tuple[str, str]]:
        """Both keys of what can be a name by itself: the first is all but numbers and links."""
        bare = LINK.sub("", NUMBERED.sub("", self.text)) or self.text
        cut = (NUMBERED.sub("", part) for part in BREAK.split(bare))
        found = (words(part) for part in (bare, *cut))
        return list(dict.fromkeys(_keys(one) for one in found if one))[:PARTS]


def forms(name: str) -> list[Form]:
    """All readings, the plainest first; at least one that has words, or none at all."""
    found: dict[tuple[str, ...], Form] = {}
    for text, foreign in _read(name):
        if (spoken := words(text)) and spoken not in found:
            key, ordered = _keys(spoken)
            found[spoken] = Form(text, spoken, key, ordered, foreign)
    return list(found.values())


def words(text: str) -> tuple[str, ...]:
    """Words of a name, without those that say nothing unless there are no others."""
    text = folded(text)
    if not any(map(str.isalnum, text)):
        text = text.translate(SIGNS)
    text = SILENT.sub("", text.replace("&", " and ").replace("+", " and "))
    spoken = SPLIT.sub(" ", text).split()
    return tuple([word for word in spoken if word not in LIGHT] or spoken)


def _read(name: str) -> Iterator[tuple[str, bool]]:
    """Texts, and whether they are out of another script."""
    for text in _spelled(html.unescape(plain(name))):
        apart = JOINT.sub(" ", text)
        yield apart, False
        for roman in romanised(apart):
            yield roman, True


def _spelled(name: str) -> Iterator[str]:
    alone = GUESTED.sub("", name)
    for text in (alone, name) if alone else (name,):
        yield text
        if turned := TURNED.match(text):
            yield f"{turned[2]} {turned[1]}"
        if any("a" <= letter <= "z" for letter in text.casefold()):
            yield SHOUT.sub("i", text.translate(STYLED))
        yield from decoded(text)
        yield NUMBER.sub(_spoken, NUMBERED.sub("", text))


def _spoken(number: re.Match[str]) -> str:
    value = int(number[0])
    return COUNT[value] if value < len(COUNT) else number[0]


def _keys(spoken: tuple[str, ...]) -> tuple[str, str]:
    key = "".join(spoken)
    return key, key if len(spoken) == 1 else "".join(sorted(spoken))
