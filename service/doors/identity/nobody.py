"""What players write where they know no artist."""

import re
from collections.abc import Iterable

from service.model.works import folded, letters

NOBODY = "unknown"
"""The key of "[unknown]", which MusicBrainz keeps for names that are nobody's."""
WRITTEN = frozenset(
    {
        *("unknown", "unknown artist", "artist unknown", "no artist", "none", "na", "untitled"),
        *("dont know", "new artist", "artist", "新しいアーティスト", "不明なアーティスト"),
        *("data cd", "original soundtrack", "soundtrack", "ost"),
    }
)
"""Without signs and numbers: fillings of players, and what stands in the field by mistake."""
NOT_ARTISTS = frozenset(
    {
        *("ambient", "blues", "classical", "country", "dance", "disco", "electronic", "folk"),
        *("hip hop", "house", "jazz", "latin", "metal", "pop", "punk", "rap", "reggae", "rock"),
        *("soul", "techno", "trance", "s"),
    }
)
"""Genres by themselves; "s" is what is left of "80's"."""
NUMBERS = re.compile(r"\d+")


def nobodys(name: str) -> bool:
    """Whether a name is nobody's: no letters at all, a filling, or a genre by itself."""
    text = letters(NUMBERS.sub(" ", folded(name.replace("\ufffd", " "))))
    had_letters = bool(letters(folded(name.replace("\ufffd", ""))))
    return not had_letters or text in WRITTEN or text in NOT_ARTISTS


def known(keys: Iterable[str]) -> bool:
    """Whether a catalogue has an artist for what is nobody's."""
    return NOBODY in keys
