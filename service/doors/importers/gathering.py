"""Several rows, one track: the first names it, later ones fill its holes and add genres."""

from collections.abc import Iterable, Iterator

from msgspec import structs

from service.domain import FEATURES, Features, Track
from service.doors.importers.row import UNKNOWN, Row

MOST_GENRES = 32


def gathered(rows: Iterable[Row]) -> Iterator[Row]:
    """The same rows, but each track only once, when all its rows were seen: at the end."""
    first: dict[str, Row] = {}
    for row in rows:
        if not isinstance(row.made, Track):
            yield row
            continue
        known = first.get(row.made.id)
        if known is None:
            first[row.made.id] = structs.replace(row, raw=())
        elif isinstance(known.made, Track):
            if row.made != known.made:
                both = merged(known.made, row.made)
                first[row.made.id] = structs.replace(known, made=both)
            yield structs.replace(row, made=None)
    yield from first.values()


def merged(one: Track, more: Track) -> Track:
    """`one`, with what only `more` knows. A track that nobody named takes the name it can get."""
    if one.artist == UNKNOWN != more.artist:
        one, more = more, one
    holes = {
        name: getattr(more, name)
        for name in ("album", "duration_ms", "released", "popularity")
        if not getattr(one, name)
    }
    heard = {
        name: value
        if (value := getattr(one.features, name)) is not None
        else getattr(more.features, name)
        for name in FEATURES
    }
    return structs.replace(
        one,
        **holes,
        features=Features(**heard),
        genres=tuple(dict.fromkeys(one.genres + more.genres))[:MOST_GENRES],
        explicit=one.explicit or more.explicit,
        aliases=more.aliases | one.aliases,
    )
