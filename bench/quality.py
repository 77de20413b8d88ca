"""How good the lists are on public data with known answers: `quality-n`, `quality-s`.

Everything is chosen on validation rows; the test rows are read once, after that.
"""

import os

import msgspec
from rich.console import Console

from bench.harness import RESULTS, Outcome, Row, bar, datasets
from service.cli.evaluating import draw, run


def quality_n(*, quick: bool) -> Outcome:
    """Protocol N: #nowplaying playlists, Recall and NDCG at 20; then with tracks nobody heard."""
    known, cold = _quality("n", picture=not quick), _quality("n-cold", picture=False)
    rows = [Row(name=f"{row.name}, unheard tracks", values=row.values) for row in cold.rows]
    bars = [bar(f"unheard tracks: {one.name}", one.value, one.op, one.limit) for one in cold.bars]
    alone = [row.values["ndcg"] for row in known.rows if row.name.endswith(" alone")]
    blend = next(row.values["ndcg"] for row in known.rows if row.name == "blend")
    margin = round(float(blend) - max(map(float, alone)), 4)
    bars.append(bar("ndcg@20 of the blend above its best part by", margin, ">=", 0.0001))
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
    rows = [
        Row(name=row, values={key: round(value, 4) for key, value in _figures(quality).items()})
        for row, quality in found.rows.items()
    ]
    best = _figures(found.rows[found.judged])
    return Outcome(
        rows=rows,
        bars=[
            bar(
                f"{metric}@{found.k} of the {found.judged.removesuffix(' alone')}",
                best[metric],
                ">=",
                limit,
            )
            for metric, limit in found.bars.items()
        ],
        params={
            "users": found.users,
            "tracks": found.tracks,
            "k": found.k,
            "fit_s": found.seconds["fit"],
            "choosing_s": found.seconds["choosing"],
            "recipe": " ".join(f"{key}={value}" for key, value in _figures(found.recipe).items()),
            "blend": " ".join(f"{key}={value}" for key, value in _figures(found.blend).items()),
        },
    )


def _figures(struct: msgspec.Struct) -> dict[str, float]:
    return msgspec.structs.asdict(struct)
