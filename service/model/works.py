"""Which recordings are of one work: title and artist without what only tells recordings apart.

Shops write "Song - 2011 Remaster", "Song (Live at Wembley)", "Song - Radio Edit" and "Song (feat.
Somebody)" for what a listener calls one song. A remix named after somebody, a part with a number
and a version in another language stay works of their own.
"""

import re
from unicodedata import category, normalize

GUEST = re.compile(
    r"(?:feat|ft|featuring)\b"
    r"|with (?!(?:me|myself|you|u|us|my|your|a|the|out|no|or|it|them|her|him|in)\b)\w"
)
"""How a guest is named in brackets or behind a dash; "(With You)" is part of a title."""
TRAILING_GUEST = re.compile(r"\s(?:feat\.?|ft\.|featuring)\s.*$")
RECORDING = re.compile(
    r"""
    (?:\d{4}\s)?(?:.*\s)?re-?master(?:ed|izado|is[ée])?\b.*   # remasters, however worded
    | re-?mastered?\b.* | re-?record(?:ed|ing)\b.*
    | live(?:$|\s(?:at|from|in|on|version|session|recording|performance|acoustic|[\w.]+\ssessions)
        \b.*|[/,@\s]+\d.*|\sat.*)
    | (?:recorded|en\svivo|ao\svivo|en\sdirecto|unplugged|mtv\sunplugged)\b.*
    | (?:\b(?:original|extended|short|single|radio|album|lp|ep|club|vocal|main|video|explicit|clean|
        edited|acoustic|instrumental|demo|mono|stereo|full|long|\d+"?|new|uncut|alternate|studio|
        bonus|deluxe|anniversary|expanded|special|dirty|street|advanced|resolution)[\s/-]*)+
      (?:version|mix|edit|track|cut|edition|session|take|recording|of|verison)*
      (?:\s?\(?(?:edited|explicit|edit|clean)\)?)?
    | (?:radio\s)?edit(?:\sversion)? | mix\scut | version
    | \d+(?:st|nd|rd|th)?\s(?:anniversary|deluxe)\b.* | .*\banniversary\s(?:edition|version)
    | from\s(?:["“]|the\s(?:motion|original|film|movie)).*
    | .*\b(?:taylor's|original\smotion\spicture)\b.*
    """,
    re.VERBOSE,
)
"""A whole bracket, or all behind a dash, that says which recording; of a folded title."""
BRACKET = re.compile(r"\s*[(\[]([^()\[\]]*)[)\]]")
DASH = re.compile(r"\s[-\u2013\u2014]\s")
BARE_YEAR = re.compile(r"\d{4}")


def work(title: str, artist: str) -> str:
    """The same text for all recordings of a work by an artist.

    A title that says nothing but which recording it is ("Live") stays as it is.
    """
    return f"{letters(_name(title))}\0{letters(without_guest(folded(artist)))}"


def _name(title: str) -> str:
    text = BRACKET.sub(_kept, folded(title))
    head, *tails = DASH.split(text)
    name = without_guest(" ".join([head, *(tail for tail in tails if not _tells(tail))]))
    return name if letters(name) else folded(title)


def _kept(bracket: re.Match[str]) -> str:
    return "" if _tells(bracket[1]) else bracket[0]


def _tells(text: str) -> bool:
    """Whether this part of a title only tells which recording it is, or who is a guest on it."""
    text = text.strip()
    return bool(
        GUEST.match(text) or RECORDING.fullmatch(text) or BARE_YEAR.fullmatch(text) or not text
    )


def without_guest(text: str) -> str:
    return TRAILING_GUEST.sub("", text)


def folded(text: str) -> str:
    """Lower case, without accents, with plain quotes."""
    plain = "".join(c for c in normalize("NFKD", text) if category(c) != "Mn")
    return " ".join(plain.casefold().replace("\u2019", "'").split())


def letters(text: str) -> str:
    """Letters and digits alone, of any script, one space between words; "&" is "and"."""
    words = re.sub(r"[^\w\s]|_", "", text.replace("&", " and "))
    return " ".join(words.split())
