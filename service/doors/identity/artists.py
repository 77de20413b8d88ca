"""Artists by name: the same name written otherwise, and names that are almost the same."""

from collections import defaultdict

from msgspec import Struct
from rapidfuzz import process
from rapidfuzz.distance import DamerauLevenshtein

from service.doors.identity.names import artist_key

NEAR = 0.8
"""Share of letters that agree: the least with which 99 % of answers are right among clean names, by
`./dev bench identity`; a guess needs an agreeing title besides."""
SHORTEST = 6
"""Letters a name needs before a slip of the pen is taken for one: "Cake" is not "Cage"."""
SAME = 1.0


class Found(Struct, frozen=True):
    """An artist's key, and how alike it is to the key that was asked for: 1 is the same."""

    key: str
    score: float


class Artists:
    """Names that are certain, by key. It only grows."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._by_start: dict[str, set[str]] = defaultdict(set)

    def add(self, name: str, key: str = "") -> None:
        """Know this name; the first spelling of a key stays."""
        key = key or artist_key(name)
        if key and key not in self._names:
            self._names[key] = name
            self._by_start[key[0]].add(key)

    def name(self, key: str) -> str | None:
        """How it is spelled."""
        return self._names.get(key)

    def find(self, key: str, *, least: float = NEAR) -> Found | None:
        """The artist with this key, else the nearest; None where none or more than one is near.

        Only names with the same first letter are compared: few slip there, and it costs a tenth.
        """
        if key in self._names:
            return Found(key, SAME)
        if len(key) < SHORTEST:
            return None
        near = process.extract(
            key,
            self._by_start.get(key[0], ()),
            scorer=DamerauLevenshtein.normalized_similarity,
            score_cutoff=least,
            limit=2,
        )
        if not near or (len(near) > 1 and near[0][1] == near[1][1]):
            return None
        return Found(near[0][0], round(near[0][1], 4))
