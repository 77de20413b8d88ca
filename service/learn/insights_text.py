"""Insights for a terminal, and the words that the page shares with them."""

from collections.abc import Iterable, Sequence
from unicodedata import combining, east_asian_width

from service.experiments.columns import INDENT, plain, table, wrapped
from service.experiments.report_text import when
from service.learn.insights import BACK, MOST_GENRES, PRIOR, Genre, Group, Insights, Rising
from service.learn.live_quality import HOURS, MOST_LISTS

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
SHADES = "·░▒▓█"
TITLE = 62
NAME = 40
HEADS = (
    *("group", "likes", "listeners", "lists", "places"),
    *("tracks", "coverage", "gini", "novelty", "head", "artists"),
)
WHO = (
    "New listeners are those the model does not know. The others are parted into thirds by how many"
    " tracks they liked at its fit; who like equally many are in the same third."
)
MEANINGS = {
    "places": "tracks on lists, each as often as it is on one",
    "coverage": "the share of the catalogue that is on any of these lists; fewer places cover less",
    "gini": "how unequally the catalogue shares the places: 0 is equally",
    "novelty": "how few listeners like what is shown: 0 is everybody, 1 is one of them",
    "head": "the share of the places that goes to the 1 % most liked tracks",
    "artists": "different ones on a list, on average",
}
COUNTED = (
    "Plays are counted as trends count them: of tracks that three listeners or more have played,"
    " many by one listener in a day as a few, at the last hour of them."
)
RISES = (
    f"More plays in the last 7 days than in the 7 before; the factor is of both with {PRIOR} plays"
    " more, so that a handful is no sensation."
)
GENRES = (
    f"The {MOST_GENRES} most played genres, their share of the plays of {BACK.days} days and of"
    " the places on the lists. A track of two genres is half in each."
)
UNPLAYED = f"no plays that trend in the last {BACK.days} days"
UNRISEN = "no track was played more this week than last"


def text(insights: Insights) -> str:
    """The insights as plain text, at most 100 columns wide."""
    first = [line for said in said_first(insights) for line in wrapped(said)]
    parts = [
        [f"Catalogue insights, as of {when(insights.as_of)}", *first],
        _groups([*insights.groups, insights.all]),
        _genres(insights.genres),
        _rising(insights.rising),
        _clock(insights.clock),
    ]
    return "\n\n".join("\n".join(lines) for lines in parts) + "\n"


def said_first(insights: Insights) -> list[str]:
    """Which lists these are, and what they were made from."""
    every = insights.all
    if insights.source == "shown":
        which = (
            f"shown by this process in the last {HOURS} hours, the newest {MOST_LISTS} of each"
            " listener"
        )
        nothing = f"No list was shown by this process in the last {HOURS} hours"
    else:
        which = "made now for a sample of the listeners that the model knows; nobody has seen them"
        nothing = "No list was made: there is nobody the model knows"
    lists = f"{counted(every.lists, 'list')} of {counted(every.listeners, 'listener')}, {which}"
    model = (
        "no model has been fitted yet: everybody is new to it, and nobody knows what is rare"
        if insights.model is None
        else f"model {insights.model}"
    )
    return [
        f"{lists if every.lists else nothing}.",
        f"{counted(insights.catalogue, 'track')} in the catalogue; {model}.",
    ]


def counted(number: int, noun: str) -> str:
    """A number of things."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def figures(group: Group) -> list[str]:
    """Its cells after the name, in the order of `HEADS`."""
    counts = (group.listeners, group.lists, group.places, group.tracks)
    return [
        "-" if group.likes is None else bounds(*group.likes),
        *(f"{one:,}" for one in counts),
        f"{group.coverage:.1%}",
        *("-" if one is None else f"{one:.3f}" for one in (group.gini, group.novelty)),
        "-" if group.head is None else f"{group.head:.1%}",
        "-" if group.artists is None else f"{group.artists:.1f}",
    ]


def bounds(low: int, high: int) -> str:
    """From the one to the other, or the one that both are."""
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def points(genre: Genre) -> str:
    """How many points more of the places than of the plays."""
    return "-" if genre.shown is None else f"{100 * (genre.shown - genre.played):+z.1f}"


def share(value: float | None) -> str:
    """In per cent."""
    return "-" if value is None else f"{value:.1%}"


def busiest(clock: Sequence[Sequence[int]]) -> str:
    """The hour of the week with most plays, in words."""
    most, day, hour = max(
        (plays, -day, -hour) for day, hours in enumerate(clock) for hour, plays in enumerate(hours)
    )
    return f"most on {DAYS[-day]} from {-hour}:00, {counted(most, 'play')}"


def clipped(said: str, most: int) -> str:
    """As much of it as `most` columns hold, without what would move a cursor."""
    held, room = "", most
    for one in plain(said):
        room -= 0 if combining(one) else 1 + (east_asian_width(one) in "WF")
        if room < 0:
            return held[:-1] + "…"
        held += one
    return held


def _groups(groups: Iterable[Group]) -> list[str]:
    rows = [[group.name, *figures(group)] for group in groups]
    meanings = "; ".join(f"{name}: {said}" for name, said in MEANINGS.items())
    return [
        "What is shown to whom",
        *table(HEADS, rows, words={0}),
        *wrapped(WHO, INDENT),
        *wrapped(f"{meanings}.", INDENT),
    ]


def _genres(genres: Sequence[Genre]) -> list[str]:
    if not genres:
        return ["Shown against played", f"{INDENT}{UNPLAYED}"]
    rows = [
        [clipped(one.name, NAME), share(one.played), share(one.shown), points(one)]
        for one in genres
    ]
    head = ("genre", "played", "shown", "points")
    return ["Shown against played", *table(head, rows, words={0}), *wrapped(GENRES, INDENT)]


def _rising(rising: Sequence[Rising]) -> list[str]:
    if not rising:
        return ["Rising", f"{INDENT}{UNRISEN}"]
    rows = [
        [
            f"×{one.factor:.2f}",
            f"{one.this_week:,}",
            f"{one.last_week:,}",
            clipped(f"{one.title}, {one.artist}", TITLE),
        ]
        for one in rising
    ]
    head = ("factor", "this week", "last week", "track")
    return ["Rising", *table(head, rows, words={3}), *wrapped(RISES, INDENT)]


def _clock(clock: Sequence[Sequence[int]]) -> list[str]:
    most = max(max(hours) for hours in clock)
    if not most:
        return ["When people listen", f"{INDENT}{UNPLAYED}"]
    ticks = "".join(f"{hour:<6}" for hour in range(0, 24, 3))
    rows = [
        f"{INDENT}{day}  {''.join(2 * SHADES[-(-4 * one // most)] for one in hours)}"
        f"{sum(hours):>10,}"
        for day, hours in zip(DAYS, clock, strict=True)
    ]
    return [
        f"When people listen, by the hour in UTC: {busiest(clock)}",
        f"{INDENT}     {ticks}     plays",
        *rows,
        *wrapped(COUNTED, INDENT),
    ]
