"""How far exposure can be evened out, and what that costs: `quality-k`.

The balance of each goal, like everything else, is chosen on validation rows; the test rows are read
once, after that.
"""

import os

from rich.console import Console

from bench.harness import RESULTS, Bar, Outcome, Row, bar, datasets
from bench.quality import figures, params_of, rows_of
from service.cli.evaluating import draw, run
from service.learn.pareto import Chosen, Pareto
from service.learn.protocol_run import Outcome as Found

MOST_FIT_S = 30


def quality_k(*, quick: bool) -> Outcome:
    """Protocol K: relevance, coverage, Gini and novelty at 10 as the balance turns."""
    folder = datasets()
    found = run("k", dict(os.environ) | {"DATASETS_DIR": str(folder)}, Console(stderr=True))
    pareto = found.pareto
    if pareto is None:
        raise ValueError("protocol k has no goals")
    if not quick:
        RESULTS.mkdir(parents=True, exist_ok=True)
        draw(found, RESULTS / "quality-k.png")
    fit_s = round(found.seconds["fit"] + pareto.prices_s, 1)
    return Outcome(
        rows=[
            *rows_of(found),
            *_rows(pareto),
        ],
        bars=[
            *(each for one in pareto.chosen for each in _bars(one)),
            bar("seconds to fit the model and its prices", fit_s, "<=", MOST_FIT_S),
        ],
        params=_params(found, pareto),
    )


BENCHES = {"quality-k": quality_k}


def _rows(pareto: Pareto) -> list[Row]:
    curves = (("test", pareto.test), ("validation", pareto.validation))
    return [
        Row(name=f"balance {point.balance:.2f}, {name}", values=figures(point.quality))
        for name, points in curves
        for point in points
    ]


def _bars(one: Chosen) -> list[Bar]:
    goal, quality = one.goal, one.quality
    bars = [bar(f"{goal.name}: NDCG", quality.ndcg, ">=", goal.ndcg)]
    if goal.coverage:
        bars.append(bar(f"{goal.name}: coverage", quality.coverage, ">=", goal.coverage))
    if goal.gini < 1:
        bars.append(bar(f"{goal.name}: Gini", quality.gini, "<=", goal.gini))
    if goal.novelty:
        bars.append(bar(f"{goal.name}: novelty", quality.novelty, ">=", goal.novelty))
    return bars


def _params(found: Found, pareto: Pareto) -> dict[str, float | int | str]:
    params = params_of(found) | {"prices_s": pareto.prices_s}
    for one in pareto.chosen:
        params[f"balance for {one.goal.name}"] = one.balance
    return params
