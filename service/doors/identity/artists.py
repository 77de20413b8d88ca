"""Artists by name: the same name written otherwise, and names that most likely mean one of them."""

from collections import defaultdict
from math import log1p
from typing import NamedTuple

from msgspec import Struct

from service.doors.identity import nobody
from service.doors.identity.forms import Form, forms
from service.doors.identity.likeness import SOUNDS, Question, marks, probability
from service.doors.identity.names import artist_key
from service.doors.identity.scripts import sounds
from service.doors.identity.trigrams import Trigrams

NEAR = 0.12
"""The least probability of an answer, by `./dev bench identity`; a guess needs an agreeing title
besides."""
SHORTEST = 6
"""Letters a name needs before a slip of the pen is taken for one: "Cake" is not "Cage"."""
SAME = 1.0
NOBODYS = 0.9
MARGIN = 0.002
"""What the best answer has to be ahead of the next artist's."""
CANDIDATES = 6


class Found(Struct, frozen=True):
    """An artist's key, and how likely it is meant: 1 is the same name."""

    key: str
    score: float


class Candidate(NamedTuple):
    """An artist that may be meant, with all that speaks for it, in the order of `marks`."""

    score: float
    key: str
    whole: bool  # the name is the artist's, not only a part of it
    part: bool
    seen: tuple[float, ...]


class Artists:
    """Names that are certain, by key. It only grows."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._forms: list[tuple[str, Form]] = []
        self._near = Trigrams()
        self._by_word: dict[str, list[int]] = defaultdict(list)
        self._by_words: dict[str, list[int]] = defaultdict(list)
        self._by_sound: dict[str, list[int]] = defaultdict(list)

    def add(self, name: str, key: str = "") -> None:
        """Know this name; the first spelling of a key stays. 0.1 ms."""
        key = key or artist_key(name)
        if not key or key in self._names:
            return
        self._names[key] = name
        if key == nobody.NOBODY:
            return  # is never guessed by its letters
        for form in forms(name):
            self._forms.append((key, form))
            row = self._near.add(form.key)
            for words in {form.key, form.ordered}:
                self._by_words[words].append(row)
            if len(sound := sounds(form.key)) >= SOUNDS:
                self._by_sound[sound].append(row)
            for word in set(form.words):
                self._by_word[word].append(row)

    def name(self, key: str) -> str | None:
        """How it is spelled."""
        return self._names.get(key)

    def find(self, name: str, *, least: float = NEAR) -> Found | None:
        """The artist of this name, else the one that is most likely meant.

        None where none is likely, and where two are: so also for two artists in one name, unless
        the second is a guest.
        """
        for key in (artist_key(name), *(artist_key(form.text) for form in forms(name)[:1])):
            if key in self._names:
                return Found(key, SAME)
        if nobody.nobodys(name) and nobody.known(self._names):
            return Found(nobody.NOBODY, NOBODYS)
        ranked = self.candidates(name)
        if not ranked or ranked[0].score < least:
            return None
        best, *others = ranked
        if others and best.score - others[0].score < MARGIN:
            return None
        if not best.whole and sum(one.part for one in ranked) > 1:
            return None
        return Found(best.key, round(min(best.score, 0.9999), 4))

    def candidates(self, name: str) -> list[Candidate]:
        """Artists that may be meant, the likeliest first."""
        best: dict[str, Candidate] = {}
        for asked in (Question.of(form, self._rarity) for form in forms(name)):
            for row in self._rows(asked):
                key, known = self._forms[row]
                whole = known.called((asked.form.key, asked.form.ordered))
                part = any(map(known.called, asked.parts))
                if (
                    not (part or _sound_alike(asked.form, known))
                    and min(len(asked.form.key), len(known.key)) < SHORTEST
                ):
                    continue
                seen = marks(asked, known, self._rarity)
                one = Candidate(probability(seen), key, whole, part, seen)
                best[key] = max(one, best.get(key, one))
        return sorted(best.values(), key=lambda one: (-one.score, one.key))

    def _rows(self, asked: Question) -> list[int]:
        """Alike, called as a part of the name is, with a rare word of it, or of the same sound."""
        rows = self._near.near(asked.form.key, limit=CANDIDATES)
        for words in {words for keys in asked.parts for words in keys}:
            rows.update(self._by_words.get(words, ()))
        for word in asked.form.words:
            if len(same := self._by_word.get(word, ())) <= CANDIDATES:
                rows.update(same)
        alike = self._by_sound.get(sounds(asked.form.key), ())
        rows.update(row for row in alike if asked.form.foreign != self._forms[row][1].foreign)
        return sorted(rows)

    def _rarity(self, word: str) -> float:
        return log1p(len(self._forms) / (1 + len(self._by_word.get(word, ()))))


def _sound_alike(one: Form, other: Form) -> bool:
    """Whether two names differ in script, and have the same consonants."""
    sound = sounds(one.key)
    return one.foreign != other.foreign and len(sound) >= SOUNDS and sound == sounds(other.key)
