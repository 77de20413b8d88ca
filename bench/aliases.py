"""The alias table of Audioscrobbler: names that somebody wrote, and the artists that were meant."""

import random
from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct

from service.doors.identity.artists import Artists

Pairs = Sequence[tuple[str, str]]


class Table(Struct, frozen=True):
    """Names as written: (bad, good) pairs, each good one once, and all that are in no pair."""

    pairs: list[tuple[str, str]]
    good: list[str]
    others: list[str]  # in an order of chance that is always the same


def read(folder: Path) -> Table:
    """Pairs of which both have a name and are not the same."""
    text = (folder / "artist_data_small.txt").read_text(encoding="utf-8", errors="replace")
    lines = (line.partition("\t") for line in text.split("\n"))
    names = {int(one): name.strip() for one, _, name in lines if one.strip().isdigit()}
    ids = map(str.split, (folder / "artist_alias_small.txt").read_text("ascii").splitlines())
    pairs = [(int(bad), int(good)) for bad, good in ids]
    pairs = [(bad, good) for bad, good in pairs if bad != good and {bad, good} <= set(names)]
    bad, good = {one for one, _ in pairs}, {one for _, one in pairs}
    others = [name for one, name in names.items() if one not in bad | good]
    random.Random(0).shuffle(others)
    return Table(
        [(names[one], names[other]) for one, other in pairs],
        [name for one, name in names.items() if one in good],
        others,
    )


def called(names: Iterable[str]) -> Artists:
    """Artists of these names."""
    artists = Artists()
    for name in names:
        artists.add(name)
    return artists
