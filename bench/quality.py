"""How good the lists are on public data with known answers: `quality-n`, `quality-s`.

Everything is chosen on validation rows; the test rows are read once, after that.
"""

import os

import msgspec
from rich.console import Console

from bench.harness import RESULTS, Outcome, Row, bar, datasets
from service.cli.evaluating import draw, run
from service.learn.contenders import BLEND
from service.learn.protocol_run import Outcome as Found
from service.learn.scorecard import Comparison, Interval, Scorecard


def quality_n(*, quick: bool) -> Outcome:
    """Protocol N: #nowplaying playlists, Recall and NDCG at 20; then with tracks nobody heard."""
    known, cold = _quality("n", picture=not quick), _quality("n-cold", picture=False)
    rows = [Row(name=f"{row.name}, unheard tracks", values=row.values) for row in cold.rows]
    bars = [bar(f"unheard tracks: {one.name}", one.value, one.op, one.limit) for one in cold.bars]
    return msgspec.structs.replace(known, rows=known.rows + rows, bars=known.bars + bars)


def quality_s(*, quick: bool) -> Outcome:
    """Protocol S: the Last.fm split of LightGCN++, Recall and NDCG at 10."""
    return _quality("s", picture=not quick)


BENCHES = {"quality-n": quality_n, "quality-s": quality_s}


def _quality(name: str, *, picture: bool) -> Outcome:
    folder = datasets()
    found = run(name, dict(os.environ) | {"DATASETS_DIR": str(folder)}, Console(stderr=True))
    if picture:
        RESULTS.mkdir(parents=True, exist_ok=True)
        draw(found, RESULTS / f"quality-{name}.png")
    best = figures(found.rows[found.judged].quality)
    alone = max(card.quality.ndcg for name, card in found.rows.items() if name.endswith(" alone"))
    judged = found.judged.removesuffix(" alone")
    return Outcome(
        rows=rows_of(found),
        bars=[
            bar(f"{metric}@{found.k} of the {judged}", float(best[metric]), ">=", limit)
            for metric, limit in found.bars.items()
        ]
        + [
            bar(
                f"ndcg@{found.k} of the {BLEND}, less the best part",
                float(best["ndcg"]) - round(alone, 4),
                ">=",
                0,
            )
        ][: found.judged == BLEND],
        params=params_of(found),
    )


def rows_of(found: Found) -> list[Row]:
    """A row for each way to make lists, then differences in NDCG with their intervals."""
    rows = [Row(name=name, values=_values(card)) for name, card in found.rows.items()]
    compared = {f"{BLEND} - {name}": one for name, one in found.against.items()}
    compared |= {f"{BLEND} - {BLEND} without {name}": one for name, one in found.without.items()}
    return rows + [
        Row(name=name, values={"ndcg": round(one.difference, 4), "95 %": _span(one)})
        for name, one in compared.items()
    ]


def params_of(found: Found) -> dict[str, float | int | str]:
    """What the run was about and what it chose."""
    params: dict[str, float | int | str] = {
        "users": found.users,
        "tracks": found.tracks,
        "k": found.k,
        "fit_s": found.seconds["fit"],
        "choosing_s": found.seconds["choosing"],
        "recipe": words(found.recipe),
        "blend": words(found.blend),
    }
    return params


def figures(struct: msgspec.Struct) -> dict[str, float | int | str]:
    """The fields of a Struct of numbers, rounded for reading."""
    return {name: round(value, 4) for name, value in msgspec.structs.asdict(struct).items()}


def words(struct: msgspec.Struct) -> str:
    """The fields of a Struct in one line."""
    return " ".join(f"{name}={value}" for name, value in msgspec.structs.asdict(struct).items())


def _values(card: Scorecard) -> dict[str, float | int | str]:
    values = figures(card.quality) | {"ndcg 95 %": _span(card.intervals["ndcg"])}
    for name, part in card.slices.items():
        if part.users:
            values |= {f"{name}: users": part.users, f"{name}: ndcg": round(part.ndcg, 4)}
    if card.fit_s is not None:
        values["fit s"] = card.fit_s
    if card.peak_mb is not None:
        values["peak MB"] = card.peak_mb
    return values


def _span(found: Interval | Comparison) -> str:
    return f"{found.low:.4f} to {found.high:.4f}"
