"""Names of artists and titles, so that two spellings of one can be seen to be the same."""

import re
from urllib.parse import unquote

from service.model.works import folded, letters, without_guest, work

ESCAPED = re.compile(r"%[0-9A-Fa-f]{2}")
GUEST = re.compile(r"[\s(\[]+(?:(?:feat|ft|featuring)\b\.?|w/)\s?\S.*$")
ARTICLES = ("the", "a", "an")


def artist_key(name: str) -> str:
    """The same text for spellings that differ in signs, spaces, articles or guests alone."""
    text = folded(plain(name))
    alone = letters(without_guest(GUEST.sub("", text)))
    return packed(alone or letters(text)) or "".join(text.split())


def work_key(title: str, artist: str) -> str:
    """The same text for all recordings of a work: title, tab, artist, both without spaces."""
    return key_of(work(plain(title), GUEST.sub("", plain(artist))))


def key_of(text: str) -> str:
    """`work_key` of what `works.work` made of title and artist."""
    title, _, artist = text.partition("\0")
    return f"{title.replace(' ', '')}\t{packed(artist)}"


def packed(lettered: str) -> str:
    """Letters of an artist without spaces, "and", or the article before or behind the name."""
    words = lettered.split()
    if len(words) > 1 and words[0] in ARTICLES:
        words = words[1:]
    elif len(words) > 1 and words[-1] == "the":
        words = words[:-1]
    return "".join([word for word in words if word != "and"] or words)


def plain(name: str) -> str:
    """Without escapes of a link."""
    return unquote(name) if ESCAPED.search(name) else name
