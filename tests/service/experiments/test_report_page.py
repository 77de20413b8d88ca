"""The page shows all of a report, needs nothing from elsewhere, and lets no markup in."""

import re
from html import unescape

import pytest
from msgspec import structs

from service.experiments.allocation_check import AllocationCheck
from service.experiments.drawing import Scale
from service.experiments.report import Report
from service.experiments.report_page import page
from tests import pages
from tests.service.experiments import reports

ALL = [
    reports.EMPTY,
    reports.two_variants(),
    reports.two_variants(days=reports.days(["plays"], ["warm", "bold"], 1)),
    reports.twenty_variants(),
]


def read(report: Report) -> pages.Reader:
    return pages.read(page(report))


def row_of(report: Report, start: str) -> str:
    """The one drawing whose title starts so."""
    found = [one for one in re.findall(r"<svg.*?</svg>", page(report)) if f"<title>{start}" in one]

    assert 1 == len(found)
    return found[0]


def number(drawn: str, shape: str, name: str) -> float:
    found = re.search(rf'<{shape}[^>]* {name}="([-\d.]+)"', drawn)

    assert found is not None
    return float(found[1])


@pytest.mark.parametrize("report", ALL)
def test_tags_are_balanced_and_ids_are_unique(report: Report) -> None:
    reader = read(report)

    assert [] == reader.open
    assert [] == reader.wrong
    assert len(set(reader.ids)) == len(reader.ids)


@pytest.mark.parametrize("report", ALL)
def test_nothing_comes_from_elsewhere_and_nothing_runs(report: Report) -> None:
    made = page(report)

    for never in ("http://", "https://", "<script", "src=", "@import", "<link", "nan", 'inf"'):
        assert never not in made


@pytest.mark.parametrize("report", ALL)
def test_drawings_have_titles_and_headings_of_tables_a_scope(report: Report) -> None:
    order = read(report).order

    for place, (tag, attrs) in enumerate(order):
        if tag == "svg":
            assert "title" == order[place + 1][0]
        if tag == "th":
            assert attrs["scope"] in {"col", "row", "rowgroup"}


@pytest.mark.parametrize("report", ALL)
def test_every_variant_metric_and_verdict_is_there(report: Report) -> None:
    said = "".join(read(report).text)

    for arm in report.arms:
        assert arm.name in said
        assert arm.halted is None or arm.halted in said
    for one in report.comparisons:
        assert one.metric in said
        assert one.verdict.text in said
    for state in report.guardrails:
        assert state.state in said
    assert "however often one looks" in said


def test_hostile_reasons_are_escaped() -> None:
    report = reports.two_variants()
    made = page(report)

    assert "<script>alert(1)</script>" in (report.arms[2].halted or "")
    assert "<script>alert(1)" not in made
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in made
    assert reports.HOSTILE in unescape(made)


def test_hostile_names_are_escaped_wherever_they_are_drawn() -> None:
    bad = '"><script>alert(2)</script>'
    whole = reports.two_variants()
    made = page(
        structs.replace(
            whole,
            name=bad,
            status=bad,
            arms=[structs.replace(one, name=bad) for one in whole.arms],
            comparisons=[
                structs.replace(one, variant=bad, metric=bad, unit=bad) for one in whole.comparisons
            ],
            guardrails=[structs.replace(one, variant=bad, metric=bad) for one in whole.guardrails],
            days=reports.days([bad], [bad], 3),
        )
    )

    assert bad in unescape(made)
    assert "<script" not in made


def test_intervals_are_where_the_scale_says() -> None:
    whole = reports.two_variants()
    report = reports.two_variants(comparisons=whole.comparisons[:2])

    def pixel(value: float) -> float:  # -4 % to 8 %, 6 % of that on both sides, on 284 pixels
        return 8 + (value + 0.0472) / 0.1344 * 284

    better = row_of(report, "plays, warm: +5.0% (+2.0 to +8.0%), better")
    assert pixel(0.05) == pytest.approx(number(better, "circle", "cx"), abs=0.01)
    assert pixel(0.02) == pytest.approx(number(better, 'rect class="bar better"', "x"), abs=0.01)
    wide = number(better, 'rect class="bar better"', "width")
    assert pixel(0.08) - pixel(0.02) == pytest.approx(wide, abs=0.02)
    assert f'class="zero" d="M{pixel(0):.2f} 0V' in better

    open_yet = row_of(report, "skip_rate, warm")
    assert pixel(-0.01) == pytest.approx(number(open_yet, "circle", "cx"), abs=0.01)
    assert 'class="dot open"' in open_yet
    assert "better" not in open_yet


def test_an_interval_far_wider_than_the_others_leaves_the_chart_as_an_arrow() -> None:
    usual = reports.two_variants().comparisons[:3]
    wide = reports.comparison("rating", "warm", 0.4, (-4.0, 4.8))
    drawn = row_of(reports.two_variants(comparisons=[*usual, wide]), "rating, warm")

    assert 2 == drawn.count('<path class="dot open"')
    assert "<circle" not in drawn
    assert 8 == number(drawn, 'rect class="bar open"', "x")
    assert 284 == number(drawn, 'rect class="bar open"', "width")


def test_no_lift_is_no_bar_but_a_difference() -> None:
    drawn = row_of(reports.two_variants(), "rating, bold: +0.2 (+0.1 to +0.3)")

    assert "<circle" not in drawn
    assert "bar" not in drawn


def test_a_guardrail_is_drawn_against_what_is_allowed() -> None:
    breached = row_of(reports.two_variants(), "plays, bold: loss +6.0%")
    holds = row_of(reports.two_variants(), "plays, warm: loss -5.0%")
    allowed = number(breached, 'rect class="beyond"', "x")

    assert allowed < number(breached, 'rect class="bar worse"', "x")
    bar = 'rect class="bar better"'
    assert allowed > number(holds, bar, "x") + number(holds, bar, "width")
    assert "<circle" not in row_of(reports.two_variants(), "latency, bold: loss –")


def test_bands_have_a_point_per_day_and_one_day_is_a_bar() -> None:
    many = row_of(reports.two_variants(), "Lift of plays over time: warm, bold")
    one = row_of(ALL[2], "Lift of plays over time: warm, bold")

    lines = re.findall(r'<polyline class="stroke s\d" points="([^"]*)"', many)
    areas = re.findall(r'<polygon class="band s\d" points="([^"]*)"', many)
    assert [5, 5] == [len(line.split()) for line in lines]
    assert [10, 10] == [len(area.split()) for area in areas]
    assert "2 Nov" in many
    assert "6 Nov" in many
    assert "<polyline" not in one
    assert 2 == one.count("<circle")
    assert 1 == one.count("2 Nov")


def test_at_most_four_variants_share_a_chart() -> None:
    made = page(reports.twenty_variants())

    assert "stroke s3" in made
    assert "stroke s4" not in made
    assert 5 * 11 == made.count('<svg class="panel"')


def test_bars_are_counts_as_shares() -> None:
    drawn = row_of(reports.two_variants(), "From users to those who returned: bold")
    lengths = [float(one) for one in re.findall(r'class="count"[^>]* width="([\d.]+)"', drawn)]

    whole = 140
    shares = [990 / 1_010, 1, 1 / 4, 1, 247 / 990]
    assert [whole * share for share in shares] == pytest.approx(lengths, abs=0.01)
    for shown in ("990", "11,880", "2,970", "39,600", "247", "25.0% of lists"):
        assert shown in drawn


@pytest.mark.parametrize(
    "verdict, kind", [("ok", "better"), ("warning", "doubt"), ("alarm", "worse")]
)
def test_the_allocation_check_stands_out(verdict, kind: str) -> None:
    made = page(reports.two_variants(allocation_check=AllocationCheck(0.0005, verdict)))

    assert f'<p class="check {kind}"><span class="pill">{verdict}</span>' in made
    assert "p = 0.0005" in made


def test_nothing_counted_is_said_plainly() -> None:
    arms = [reports.arm("control", 0), reports.arm("warm", 0)]
    made = page(reports.two_variants(arms=arms, comparisons=[], guardrails=[], days=[]))

    assert "nothing has been counted yet" in page(reports.EMPTY)
    assert "nothing has been counted yet" in made
    assert "None were set." in made
    assert "Intervals over time" not in made


def test_a_variant_of_which_nothing_is_known_says_so() -> None:
    some = [one for one in reports.two_variants().comparisons if one.variant == "warm"]

    assert "nothing has been counted yet" not in page(reports.two_variants())
    assert "nothing has been counted yet" in page(reports.two_variants(comparisons=some))


@pytest.mark.parametrize(
    "ends, ticks",
    [
        ((-0.05, 0.15), [-0.05, 0, 0.05, 0.1, 0.15]),
        ((-0.002, 0.01), [-0.002, 0, 0.002, 0.004, 0.006, 0.008, 0.01]),
        ((-3, 3), [-3, -2, -1, 0, 1, 2, 3]),
    ],
)
def test_ticks_are_round_numbers(ends: tuple[float, float], ticks: list[float]) -> None:
    assert ticks == pytest.approx(Scale(*ends, 0, 100).ticks())
