"""How sure it is that one name means an artist of another: a few marks, weighed.

The weights are logistic regression over the candidates of Audioscrobbler's misspelt names and of
3,000 names that are nobody's in the catalogue, each of those counted a tenth:
`python -m bench.identity_fit` prints them.
"""

from collections.abc import Callable, Sequence
from math import exp, log

from msgspec import Struct
from rapidfuzz.distance import DamerauLevenshtein

from service.doors.identity.forms import Form
from service.doors.identity.scripts import sounds

WEIGHTS: tuple[float, ...] = (-6.84, 3.85, 0.66, 1.48, 1.05, -0.37, -1.52, 3.41)
"""Of `marks`, the constant first."""
LEAST_WORD, LEAST_PART = 0.7, 0.75
"""Below these letters agree by chance."""
SOUND = 0.95  # what sounds alike is a little less than what is written alike
NAME = 4  # letters of a word that is no syllable by chance
SOUNDS = 4  # consonants a sound needs: of three, "KMC" is found in any name


class Question(Struct, frozen=True):
    """One reading of the name that is asked for, with how rare its words are."""

    form: Form
    rarities: list[float]
    parts: list[tuple[str, str]]

    @classmethod
    def of(cls, form: Form, rarity: Callable[[str], float]) -> "Question":
        return cls(form, [rarity(word) for word in form.words], form.parts)


def marks(asked: Question, known: Form, rarity: Callable[[str], float]) -> tuple[float, ...]:
    """What speaks for it.

    How far letters agree, of the whole and of the best part; how many of the rare words of the
    known name are asked for, and the other way round; whether the known name is the first part, or
    a later one; whether a word of it is found across scripts.
    """
    form = asked.form
    part = max((_same(*one, known, LEAST_PART) for one in asked.parts), default=0.0)
    covered = _covered(known.words, [rarity(word) for word in known.words], form.words)
    covers = _covered(form.words, asked.rarities, known.words)
    first = any(map(known.called, asked.parts[:2]))
    across = known.foreign != form.foreign
    whole = max(_same(form.key, form.ordered, known, 0.0), _sound(form, known) if across else 0.0)
    return (
        *(_steep(one) for one in (whole, part, covered, covers)),
        float(first),
        float(part == 1 and not first),
        float(across and any(len(word) >= NAME and word in known.words for word in form.words)),
    )


def probability(seen: Sequence[float]) -> float:
    """That a candidate with these marks is meant."""
    constant, *weights = WEIGHTS
    return 1 / (1 + exp(-constant - sum(w * one for w, one in zip(weights, seen, strict=True))))


def _steep(share: float) -> float:
    """The step from 0.9 to 1 says more than that from 0.5 to 0.6."""
    return -log(1.05 - share)


def _same(key: str, ordered: str, known: Form, least: float) -> float:
    alike = DamerauLevenshtein.normalized_similarity
    found = alike(key, known.key, score_cutoff=least)
    return found if found == 1 else max(found, alike(ordered, known.ordered, score_cutoff=least))


def _sound(form: Form, known: Form) -> float:
    one, other = sounds(form.key), sounds(known.key)
    if min(len(one), len(other)) < SOUNDS:
        return 0.0
    return SOUND * DamerauLevenshtein.normalized_similarity(one, other)


def _covered(words: Sequence[str], rarities: Sequence[float], by: Sequence[str]) -> float:
    """Share of rare words that are found among others, or almost."""
    found = sum(
        rarity * (1.0 if word in by else max(_word(word, one) for one in by))
        for word, rarity in zip(words, rarities, strict=True)
    )
    return found / sum(rarities)


def _word(one: str, other: str) -> float:
    """An initial stands for a word, a little."""
    if len(one) == 1 or len(other) == 1:
        return 0.6 if one[0] == other[0] else 0.0
    if len(one) < 4 or len(other) < 4:
        return 0.0
    return DamerauLevenshtein.normalized_similarity(one, other, score_cutoff=LEAST_WORD)
