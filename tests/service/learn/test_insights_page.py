"""The page shows all of the insights, needs nothing from elsewhere, and lets no markup in."""

import re
from html import unescape

import pytest
from msgspec import structs

from service.learn.insights import Genre, Group, Insights, Name, Rising
from service.learn.insights_page import page
from tests import pages
from tests.service.given import NOON

BAD = "\"><script>alert(1)</script>\x1b[31m & 'on'"


def group(name: Name, *, lists: int = 4, **more) -> Group:
    given = {
        "likes": (3, 17) if name in ("light", "middle", "heavy") else None,
        "listeners": lists, "lists": lists, "places": 20 * lists, "tracks": 10 * lists,
        "coverage": 0.025 * lists, "gini": 0.75, "novelty": 0.5, "head": 0.125, "artists": 18.5,
    }  # fmt: skip
    return Group(name=name, **(given | more))


def nothing(name: Name) -> Group:
    some = dict.fromkeys(("likes", "gini", "novelty", "head", "artists"))
    return group(name, lists=0, **some)


CLOCK = [[0] * 24 for _ in range(7)]
EMPTY = Insights(
    as_of=NOON,
    source="shown",
    catalogue=0,
    model=None,
    all=nothing("all"),
    groups=[nothing(name) for name in ("new", "light", "middle", "heavy")],
    genres=[],
    rising=[],
    clock=CLOCK,
)
FULL = Insights(
    as_of=NOON,
    source="made",
    catalogue=400,
    model="v7",
    all=group("all", lists=16),
    groups=[group(name) for name in ("new", "light", "middle", "heavy")],
    genres=[Genre(name=BAD, played=0.4, shown=0.1), Genre(name="pop", played=0.2, shown=None)],
    rising=[
        Rising(id="t1", title=BAD, artist=BAD, this_week=1_200, last_week=300, factor=3.95),
        Rising(id="t2", title="Low", artist="B", this_week=6, last_week=0, factor=2.2),
    ],
    clock=[[0] * 24, [hour * 100 for hour in range(24)], *[[1] * 24] * 5],
)
ALL = [EMPTY, FULL, structs.replace(FULL, genres=FULL.genres[1:], clock=CLOCK)]


def drawn(start: str, made: str = "") -> str:
    """The one drawing whose title starts so."""
    found = re.findall(r"<svg.*?</svg>", made or page(FULL))
    (one,) = [one for one in found if unescape(one.partition("<title>")[2]).startswith(start)]
    return one


@pytest.mark.parametrize("insights", ALL)
def test_tags_are_balanced_and_nothing_runs_or_comes_from_elsewhere(insights: Insights) -> None:
    made = page(insights)
    reader = pages.read(made)

    assert [] == reader.open
    assert [] == reader.wrong
    for never in ("http://", "https://", "<script", "src=", "url(", "@import", "<link", "nan"):
        assert never not in made


@pytest.mark.parametrize("insights", ALL)
def test_drawings_have_titles_and_headings_of_tables_a_scope(insights: Insights) -> None:
    order = pages.read(page(insights)).order

    assert ("html", {"lang": "en"}) in order
    for place, (tag, attrs) in enumerate(order):
        if tag == "svg":
            assert "img" == attrs["role"]
            assert "title" == order[place + 1][0]
        if tag == "th":
            assert attrs["scope"] in {"col", "row"}


def test_hostile_names_are_escaped_wherever_they_are_drawn() -> None:
    made = page(FULL)

    assert 1 + 1 + 1 + 1 + 1 == unescape(made).count(BAD)  # each cell, and titles of two drawings
    assert "<script" not in made
    assert "<bdi>&quot;&gt;&lt;script&gt;" in made


def test_every_figure_is_in_the_row_of_its_group() -> None:
    cells = re.findall(r'<th scope="row">(\w+)</th>(.*?)</tr>', page(FULL))
    rows = {name: re.findall(r"<td[^>]*>([^<]*)</td>", of) for name, of in cells}

    light = ["3 to 17", "4", "4", "80", "40", "10.0%", "0.750", "0.500", "12.5%", "18.5"]
    assert light == rows["light"]
    assert ["–", "16", "16", "320", "160", "40.0%"] == rows["all"][:6]


def test_two_bars_are_shares_of_the_longest() -> None:
    def widths(start: str) -> list[float]:
        return [float(one) for one in re.findall(r' width="([\d.]+)" height="8"', drawn(start))]

    assert [260, 65] == widths(BAD + ": 40.0% of plays, 10.0% of places")
    assert [130, 0] == widths("pop: 20.0% of plays, - of places")
    assert [260, 65] == widths(BAD + ": 1,200 plays this week, 300 last week")
    assert [1.3, 0] == widths("Low: 6 plays")


def test_every_hour_of_the_week_is_a_cell_that_says_what_it_is() -> None:
    made = drawn("Plays by weekday and hour in UTC: most on Tue from 23:00, 2,300 plays")
    cells = re.findall(r'<rect class="([^"]*)"[^>]* fill-opacity="([\d.]+)"><title>([^<]*)<', made)

    assert 7 * 24 == len(cells)
    assert ("hour none", "1", "Mon 00:00, 0 plays") == cells[0]
    assert ("hour", "1", "Tue 23:00, 2,300 plays") == cells[24 + 23]
    assert ("hour", f"{0.12 + 0.88 * 10 / 23:.3g}", "Tue 10:00, 1,000 plays") == cells[24 + 10]
    assert '<td class="">2,300</td>' in page(FULL)  # for whoever cannot see it


def test_coverage_is_drawn_for_each_group() -> None:
    made = drawn("Different tracks shown to each group")

    assert [35.0] * 4 + [140.0] == [
        float(one) for one in re.findall(r'class="count"[^>]* width="([\d.]+)"', made)
    ]


def test_nothing_shown_no_model_and_no_plays_are_said_plainly() -> None:
    said = "".join(pages.read(page(EMPTY)).text)

    assert "No list was shown by this process in the last 24 hours." in said
    assert "no model has been fitted yet" in said
    assert 2 == said.count("No plays that trend in the last 14 days.")
    assert "No track was played more this week than last." in said
    assert "<svg" not in page(EMPTY)
