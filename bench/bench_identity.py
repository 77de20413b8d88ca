"""Misspelt artists of Audioscrobbler to the right ones, by their names alone.

Each bad name of its alias table is looked for among the names that the table leads to ("clean": an
operator's catalogue), and among all 30,000 that are no bad name of it ("dirty": half of them are
misspelt as well, and nobody said of what). An answer is right when it is the artist of the table.

`unseen` is the clean world with weights that were fitted without any name of the artist: it is what
the bars judge. `others` are names of the dirty world that the clean one lacks: those that are
answered are wrong, but for guests and duets that the table leaves out.
"""

from collections.abc import Iterable, Sequence
from statistics import quantiles
from time import perf_counter

from bench.aliases import Pairs, called, read
from bench.harness import Outcome, Row, bar, datasets
from bench.identity_fit import FITTED, unseen
from service.doors.identity.artists import NEAR, SAME, Artists, Found
from service.doors.identity.names import artist_key

THRESHOLDS = (SAME, 0.9, 0.5, 0.3, NEAR, 0.1, 0.05)
Answers = Sequence[Found | None]


def identity_bench(*, quick: bool) -> Outcome:
    """Share of aliases resolved to the right artist, and of answers that are right."""
    table = read(datasets() / "audioscrobbler")
    pairs, others = table.pairs, table.others
    worlds = {"clean": called(table.good), "dirty": called([*table.good, *table.others])}
    rows = [
        _row(
            f"{world}, least {least:.2f}",
            pairs,
            [artists.find(one, least=least) for one, _ in pairs],
        )
        for world, artists in worlds.items()
        for least in ((NEAR,) if quick else THRESHOLDS)
    ]
    judged = score(pairs, unseen(worlds["clean"], pairs, others[: 100 if quick else FITTED]))
    rows.append(Row(name="unseen", values=dict(zip(("right", "precision"), judged, strict=True))))
    asked = others[FITTED : FITTED + (200 if quick else 5_000)]
    answered = sum(worlds["clean"].find(name) is not None for name in asked) / len(asked)
    rows.append(Row(name="others", values={"answered": answered}))
    spent = _spent(worlds["dirty"], [wrong for wrong, _ in pairs])
    rows.append(Row(name="a name among all", median_ms=spent[9], p95_ms=spent[18]))
    bars = [
        bar("aliases resolved to the right artist", judged[0], ">=", 0.9),
        bar("answers that are right", judged[1], ">=", 0.99),
        bar("a name among all artists, median ms", spent[9], "<=", 1.0),
    ]
    clean, dirty = len(table.good), len(table.good) + len(others)
    sizes = {"aliases": len(pairs), "clean_names": clean, "dirty_names": dirty}
    return Outcome(rows=rows, bars=bars, params={**sizes, "near": NEAR})


BENCHES = {"identity": identity_bench}


def score(pairs: Pairs, answers: Answers) -> tuple[float, float]:
    """Share of pairs resolved rightly, and of answers that are right."""
    right = sum(
        found is not None and found.key == artist_key(meant)
        for (_, meant), found in zip(pairs, answers, strict=True)
    )
    given = sum(found is not None for found in answers)
    return right / len(pairs), right / max(given, 1)


def _row(name: str, pairs: Pairs, answers: Answers) -> Row:
    right, precision = score(pairs, answers)
    return Row(name=name, values={"right": right, "precision": precision})


def _spent(artists: Artists, names: Iterable[str]) -> list[float]:
    """Milliseconds of one look, as twentieths."""
    times = []
    for name in names:
        start = perf_counter()
        artists.find(name)
        times.append((perf_counter() - start) * 1e3)
    return quantiles(times, n=20)
