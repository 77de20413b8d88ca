"""A turned balance as a table and a picture."""

from pathlib import Path

from rich.console import Console

from service.cli.pareto import as_table, draw
from service.learn.evaluation import Quality
from service.learn.pareto import Chosen, Goal, Pareto, Point

POINTS = [
    Point(
        balance,
        Quality(
            recall=0.3,
            ndcg=0.3 - balance / 10,
            mrr=0.2,
            coverage=0.5,
            gini=0.8,
            novelty=0.4,
            rarity=0.9,
            diversity=0.9,
        ),
    )
    for balance in (0.0, 0.5, 1.0)
]
TURNED = Pareto(
    validation=POINTS,
    test=POINTS,
    chosen=[Chosen(Goal(name="broad", ndcg=0.2, coverage=0.5), 0.5, POINTS[1].quality)],
    prices_s=1.5,
)


def test_the_table_names_the_goal_its_balance_and_what_came_of_it() -> None:
    console = Console(record=True, width=120)
    console.print(as_table(TURNED))
    text = console.export_text()

    for word in ("broad", "0.50", "0.2500", "0.2000", "prices fitted in 1.5 s"):
        assert word in text


def test_the_picture_has_a_panel_for_each_measure(tmp_path: Path) -> None:
    draw(TURNED, "a title", tmp_path / "pareto.png")

    assert (tmp_path / "pareto.png").read_bytes().startswith(b"\x89PNG")
