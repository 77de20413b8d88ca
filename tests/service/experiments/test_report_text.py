"""What a terminal shows of an experiment: all of it, within 100 columns."""

import pytest
from msgspec import structs

from service.experiments.allocation_check import AllocationCheck
from service.experiments.report import Report
from service.experiments.report_text import text
from service.experiments.verdict import Verdict
from tests.service.experiments import reports

ALL = [reports.EMPTY, reports.two_variants(), reports.twenty_variants()]


def words(report: Report) -> str:
    return " ".join(text(report).split())


@pytest.mark.parametrize("report", ALL)
def test_every_variant_metric_and_verdict_is_there(report: Report) -> None:
    said = words(report)

    for arm in report.arms:
        assert arm.name in said
    for one in report.comparisons:
        assert one.metric in said
        assert one.verdict.kind in said
        assert one.verdict.text in said
    assert "however often one looks" in said
    assert "Holm" in said


@pytest.mark.parametrize("report", ALL)
def test_no_line_is_longer_than_a_terminal_is_wide(report: Report) -> None:
    assert max(map(len, text(report).splitlines())) <= 100


def test_figures_are_in_the_row_of_their_metric() -> None:
    lines = text(reports.two_variants()).splitlines()
    rows = [" ".join(line.split()) for line in lines]

    assert "plays per user 2 2.1 +5.0% +2.0 to +8.0% 0.042 better" in rows
    assert "warm 1,010 12,120 3,030 40,400 252 41.0% 0.872" in rows
    assert "bold plays 3.0% +6.0% +4.0 to +8.0% breached" in rows
    assert "bold latency 3.0% - - not yet" in rows
    assert "Lower is better: skip_rate." in lines


def test_a_control_of_zero_has_a_difference_and_no_lift() -> None:
    rows = [" ".join(line.split()) for line in text(reports.two_variants()).splitlines()]

    assert "rating stars 0 0.2 +0.2 +0.1 to +0.3 0.042 not yet" in rows
    assert "Figures without % are differences" in words(reports.two_variants())


def test_who_how_many_and_since_when_is_said_first() -> None:
    expected = [
        "warm-blend: running",
        "since 2026-11-01 09:00 UTC, ends 2026-11-22 09:00 UTC, as of 2026-11-06 09:00 UTC",
        "3,000 users; 20% of the audience takes part",
    ]

    assert expected == text(reports.two_variants()).splitlines()[:3]


@pytest.mark.parametrize(
    "check, said",
    [
        (AllocationCheck(0.43, "ok"), "Allocation ok: users came to the variants as their weights"),
        (AllocationCheck(0.0042, "warning"), "Allocation warning: the split between the variants"),
        (AllocationCheck(0.0042, "warning"), "(p = 0.0042)"),
        (AllocationCheck(0.0, "alarm"), "Allocation alarm: users did not come"),
        (AllocationCheck(0.0, "alarm"), "(p < 1e-09)"),
    ],
)
def test_the_allocation_check_is_in_words(check: AllocationCheck, said: str) -> None:
    assert said in words(reports.two_variants(allocation_check=check))


def test_a_sentence_that_all_metrics_share_is_said_once() -> None:
    whole = reports.two_variants()
    distrust = Verdict("not to be trusted", "find out what takes them away")
    found = [structs.replace(one, verdict=distrust) for one in whole.comparisons]
    said = words(reports.two_variants(comparisons=found))

    assert "plays, skip_rate: find out what takes them away." in said
    assert 2 == said.count("find out what takes them away")


def test_nothing_counted_is_said_plainly() -> None:
    arms = [reports.arm("control", 0), reports.arm("warm", 0)]
    said = words(reports.two_variants(arms=arms, comparisons=[], guardrails=[], days=[]))

    assert "nothing has been counted yet" in words(reports.EMPTY)
    assert "not started" in words(reports.EMPTY)
    assert "nothing has been counted yet" in said
    assert "no user has come yet" in said
    assert "Guardrails: none were set." in said


def test_a_variant_of_which_nothing_is_known_says_so() -> None:
    whole = reports.two_variants()
    some = [one for one in whole.comparisons if one.variant == "warm"]
    said = words(reports.two_variants(comparisons=some))

    assert "bold against the control: nothing has been counted yet" in said


def test_a_reason_cannot_take_over_the_terminal() -> None:
    report = reports.two_variants()

    assert "\x1b" in (report.arms[2].halted or "")
    assert "\x1b" not in text(report)
    assert "halted: <script>alert(1)</script>" in words(report)
