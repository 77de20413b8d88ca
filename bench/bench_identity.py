"""Misspelt artists of Audioscrobbler to the right ones, by their names alone.

Each bad name of its alias table is looked for among the names that the table leads to ("clean": an
operator's catalogue), and among all 30,000 that are no bad name of it ("dirty": half of them are
misspelt as well, and nobody said of what). An answer is right when it is the artist of the table.

The second design also tries pieces of a name: "Last, First" turned, without a track number before
it, or what stands before a dash, a bracket or an "and".
"""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from bench.harness import Outcome, Row, bar, datasets
from service.doors.identity.artists import NEAR, SAME, Artists, Found
from service.doors.identity.names import artist_key

TURNED = re.compile(r"^([^,&]+), ([^,&]+)$")
NUMBERED = re.compile(r"^[\[(]?\w?\d{1,3}[\])]?[\s.\-_]*(?=\D)")
PIECES = re.compile(r"\s(?:-|\u2013|/|&|\+|and|with|vs\.?|f\.|feat\S*)\s|\s*[\[(/,;:]|\s-|\s{3,}")
THRESHOLDS = (1.0, 0.9, 0.85, 0.8, 0.75)
Find = Callable[[Artists, str, float], Found | None]


def identity_bench(*, quick: bool) -> Outcome:
    """Share of aliases resolved to the right artist, and of answers that are right."""
    names, aliases = _tables(datasets() / "audioscrobbler")
    bad, good = {one for one, _ in aliases}, {one for _, one in aliases}
    worlds = {
        "clean": [name for one, name in names.items() if one in good],
        "dirty": [name for one, name in names.items() if one not in bad],
    }
    pairs = [(names[one], names[other]) for one, other in aliases]
    rows, judged = [], (0.0, 0.0)
    for world, known in worlds.items():
        artists = Artists()
        for name in known:
            artists.add(name)
        for design, find in (("names", whole), ("pieces", pieces)):
            for least in (NEAR,) if quick else THRESHOLDS:
                right, precision = _score(artists, pairs, find, least)
                if (world, design, least) == ("clean", "names", NEAR):
                    judged = right, precision
                rows.append(
                    Row(
                        name=f"{world}, {design}, {least:.2f} alike",
                        values={"right": right, "precision": precision},
                    )
                )
    bars = [
        bar("aliases resolved to the right artist", judged[0], ">=", 0.9),
        bar("answers that are right", judged[1], ">=", 0.99),
    ]
    sizes = {f"{world}_names": len(known) for world, known in worlds.items()}
    return Outcome(rows=rows, bars=bars, params={"aliases": len(pairs), "near": NEAR, **sizes})


BENCHES = {"identity": identity_bench}


def whole(artists: Artists, name: str, least: float) -> Found | None:
    """What the resolver does."""
    return artists.find(artist_key(name), least=least)


def pieces(artists: Artists, name: str, least: float) -> Found | None:
    """The second design: every piece of the name, first as it is, then as it is almost."""
    tried = [artist_key(piece) for piece in _pieces(name)]
    found = (artists.find(key, least=one) for one in (SAME, least) for key in tried)
    return next((one for one in found if one is not None), None)


def _pieces(name: str) -> Iterator[str]:
    yield name
    if turned := TURNED.match(name):
        yield f"{turned[2]} {turned[1]}"
    bare = NUMBERED.sub("", name)
    yield bare
    parts = [part for part in PIECES.split(bare) if part.strip()]
    yield from parts[:1]


def _score(
    artists: Artists, pairs: Iterable[tuple[str, str]], find: Find, least: float
) -> tuple[float, float]:
    """Share of pairs resolved rightly, and of answers that are right."""
    answers = [
        found.key == artist_key(right) if found else None
        for wrong, right in pairs
        for found in (find(artists, wrong, least),)
    ]
    right = sum(answer is True for answer in answers)
    given = sum(answer is not None for answer in answers)
    return right / len(answers), right / max(given, 1)


def _tables(folder: Path) -> tuple[dict[int, str], list[tuple[int, int]]]:
    """Names by id, and (bad, good) of those that both have one."""
    text = (folder / "artist_data_small.txt").read_text(encoding="utf-8", errors="replace")
    lines = (line.partition("\t") for line in text.split("\n"))
    names = {int(one): name.strip() for one, _, name in lines if one.strip().isdigit()}
    pairs = (line.split() for line in (folder / "artist_alias_small.txt").open(encoding="ascii"))
    found = [(int(bad), int(good)) for bad, good in pairs]
    return names, [(bad, good) for bad, good in found if bad != good and {bad, good} <= set(names)]
