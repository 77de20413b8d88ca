"""Names of artists, albums and tracks that never existed."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from numpy.random import Generator


def words(text: str, between: str = " ") -> list[str]:
    """The words of a list that is written as people read it."""
    return text.split(between)


ADJECTIVES = words(
    "Amber Borrowed Brass Careful Copper Crooked Distant Drowsy Electric Endless Feral Folded"
    " Frozen Gentle Gilded Hollow Humming Idle Ivory Late Little Lucid Marble Migrant "
    "Misprinted Mossy Nameless Northern Paper Patient Pickled Plaid Quiet Reluctant Restless "
    "Rusted Salted Second-Hand Secret Silent Slow Spare Stray Sunken Tangled Tin Unfinished "
    "Untitled Upstairs Wandering Weatherproof Wooden Yellow",
)
NOUNS = words(
    "Almanac Anchor Apricot Arcade Atlas Bakery Balcony Barometer Beacon Bicycle Carousel "
    "Cathedral Comet Compass Corridor Delta Elevator Ember Envelope Escalator Ferry Footnote "
    "Fountain Gazebo Glacier Gooseberry Harbour Heron Hourglass Island Kettle Kiosk Ladder "
    "Lantern Ledger Lighthouse Marzipan Meadow Meridian Mirror Monsoon Mosaic Orchard Otter "
    "Parade Pavilion Pigeon Planet Platform Quarry Railway Receipt River Satellite Snowglobe "
    "Staircase Telescope Thimble Tide Tramline Turnstile Umbrella Vineyard Volcano Walnut "
    "Weathervane Window Zeppelin",
)
FIRST_NAMES = words(
    "Ada Aino Amadou Anouk Bela Calla Ciro Dagny Davi Edda Eskil Farah Femi Gia Hana Idris "
    "Ilse Ivo Jorah Juno Kaito Kemi Lior Lumi Maren Mateus Mirela Nadir Nils Noor Oona Oren "
    "Paloma Pilar Quill Rafi Roza Sanna Selim Sora Tamsin Teo Uma Vesna Wanja Ximena Yara "
    "Yusuf Zadie Zeno",
)
VERBS = words(
    "Borrowing Breaking Calling Carrying Chasing Counting Drawing Feeding Finding Following "
    "Forgetting Holding Keeping Leaving Losing Mending Naming Painting Remembering Selling "
    "Stealing Teaching Turning Waking Washing Watching",
)
TIMES = words(
    "at Dawn|at Midnight|after the Rain|before Breakfast|in August|in Reverse|"
    "on a Sunday|by the Sea|past Closing Time|without You|in Slow Motion|under Glass|"
    "for Beginners|from the Night Bus",
    "|",
)
ONSETS = words("b br d dr f fl g gr h j k l l m m n n p r r s s sh st t t tr v v w z")
VOWELS = words("a a a e e e i i o o o u u ai ea ei io ou")
CODAS = words("|||||n|n|r|l|s|m|th|nd|sk", "|")
KEYS = words("C major|D minor|E flat major|F sharp minor|G major|A minor|B flat minor", "|")
FORMS = words("Prelude Nocturne Étude Sonatina Intermezzo Barcarolle Fugue Bagatelle")

T = TypeVar("T")
Pattern = Callable[["Names"], str]


class Names:
    """Draws names; no two artists share one."""

    def __init__(self, rng: Generator) -> None:
        self._rng = rng
        self._taken: set[str] = set()

    def artist(self, genre: str) -> str:
        """A new artist's name, in the manner of the genre."""
        patterns = ARTISTS + ARTISTS_OF.get(genre, ())
        while True:
            name = self.one(patterns)(self)
            if name not in self._taken:
                self._taken.add(name)
                return name

    def album(self) -> str:
        """An album's title."""
        return self.one(ALBUMS)(self)

    def tracks(self, genre: str, count: int) -> list[str]:
        """Titles of one album's tracks, all different."""
        patterns = FORMAL if genre == "classical" else TITLES
        found: dict[str, None] = {}
        while len(found) < count:
            title = self.one(patterns)(self)
            chance = self._rng.random()
            found[title if chance > 0.06 else f"{title} ({self.one(VERSIONS)})"] = None
        return list(found)

    def one(self, choices: Sequence[T]) -> T:
        """Any of them."""
        return choices[int(self._rng.integers(len(choices)))]

    def noun(self) -> str:
        """A thing."""
        return self.one(NOUNS)

    def adjective(self) -> str:
        """A quality."""
        return self.one(ADJECTIVES)

    def first(self) -> str:
        """A given name."""
        return self.one(FIRST_NAMES)

    def number(self, least: int, most: int) -> int:
        """A number, both ends included."""
        return int(self._rng.integers(least, most + 1))

    def coined(self) -> str:
        """A word that is none, but can be said."""
        syllables = (self.one(ONSETS) + self.one(VOWELS) for _ in range(self.one((2, 2, 2, 3))))
        return ("".join(syllables) + self.one(CODAS)).capitalize()


def with_article(word: str) -> str:
    """The word after a or an."""
    return f"{'an' if word[0] in 'AEIOU' else 'a'} {word}"


def plural(noun: str) -> str:
    """More than one of it."""
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "x", "ch")) else "s")


ARTISTS: tuple[Pattern, ...] = (
    lambda n: f"The {n.adjective()} {plural(n.noun())}",
    lambda n: f"{n.first()} {n.coined()}",
    lambda n: f"{n.first()} {n.coined()}",
    lambda n: n.coined(),
    lambda n: f"{n.noun()} {n.noun()}",
    lambda n: f"{n.first()} & the {plural(n.noun())}",
    lambda n: f"{n.adjective()} {n.coined()}",
    lambda n: f"{n.number(3, 99)} {plural(n.noun())}",
)
_club: tuple[Pattern, ...] = (
    lambda n: f"DJ {n.coined()}",
    lambda n: n.coined().upper(),
    lambda n: f"{n.coined()} Soundsystem",
)
_ensemble: tuple[Pattern, ...] = (
    lambda n: f"{n.coined()} {n.one(['Trio', 'Quartet', 'Quintet', 'Ensemble'])}",
    lambda n: f"{n.first()} {n.coined()}",
)
ARTISTS_OF: dict[str, tuple[Pattern, ...]] = {
    "house": _club,
    "techno": _club,
    "drum and bass": _club,
    "hip-hop": (lambda n: f"Young {n.noun()}", lambda n: f"MC {n.coined()}"),
    "jazz": _ensemble,
    "classical": _ensemble,
    "latin": (lambda n: f"Los {n.coined()}s", lambda n: f"{n.first()} y {n.first()}"),
}
ALBUMS: tuple[Pattern, ...] = (
    lambda n: f"{n.adjective()} {n.noun()}",
    lambda n: f"{n.noun()} & {n.noun()}",
    lambda n: f"The {n.noun()} Tapes",
    lambda n: f"{n.one(VERBS)} the {n.noun()}",
    lambda n: n.coined(),
    lambda n: f"Songs for {with_article(n.adjective())} {n.noun()}",
)
TITLES: tuple[Pattern, ...] = (
    lambda n: f"{n.adjective()} {n.noun()}",
    lambda n: f"{n.one(VERBS)} {plural(n.noun())}",
    lambda n: f"{n.noun()} {n.one(TIMES)}",
    lambda n: f"{n.one(VERBS)} the {n.noun()}",
    lambda n: f"Letters to {n.first()}",
    lambda n: f"{n.first()} {n.one(TIMES)}",
    lambda n: f"What the {n.noun()} Said",
    lambda n: f"{n.number(2, 12)} {n.adjective()} {plural(n.noun())}",
    lambda n: f"No {n.noun()} Tonight",
    lambda n: n.noun(),
    lambda n: f"{n.noun()} of {plural(n.noun())}",
    lambda n: f"Room {n.number(101, 940)}",
    lambda n: f"Goodbye, {n.coined()}",
)
FORMAL: tuple[Pattern, ...] = (
    lambda n: f"{n.one(FORMS)} No. {n.number(1, 24)} in {n.one(KEYS)}",
    lambda n: f"{n.one(FORMS)} for {n.first()}",
    lambda n: f"{n.adjective()} {n.one(FORMS)}",
    lambda n: f"{n.coined()} Suite: {n.one(['I', 'II', 'III', 'IV', 'V'])}. {n.noun()}",
)
VERSIONS = words("Live|Acoustic|Demo|Night Version|Interlude|Reprise|Radio Edit", "|")
