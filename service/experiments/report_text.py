"""A report for a terminal, and the words that the page shares with it."""

from collections.abc import Sequence
from datetime import UTC, datetime

from service.experiments.columns import INDENT, table, wrapped
from service.experiments.metrics import METRICS
from service.experiments.report import FEWEST, LEVEL, Arm, Comparison, GuardrailState, Report
from service.experiments.verdict import RAREST

UNCOUNTED = f"nothing has been counted yet: it takes {FEWEST} users with figures in each variant"
UNGUARDED = "none were set"
MEANING = (
    f"Each interval holds the true difference in {LEVEL:.0%} of experiments, however often one"
    " looks. p is adjusted by Holm for all metrics of a variant, but is for a single look: who"
    " looks again and again goes by the intervals."
)
ARMS = ("variant", "users", "lists", "clicked", "plays", "returned", "coverage", "gini")
COMPARED = ("metric", "unit", "control", "variant", "lift", "interval", "p adj.", "verdict")
GUARDED = ("variant", "metric", "allowed loss", "loss", "interval", "state")


def text(report: Report) -> str:
    """The report as plain text, at most 100 columns wide."""
    parts = [_heading(report), _arms(report.arms)]
    if not report.comparisons:
        parts.append(wrapped(f"Against the control, {UNCOUNTED}."))
    else:
        parts += [_variant(name, found) for name, found in by_variant(report).items()]
    parts += [_guardrails(report.guardrails), _closing(report.comparisons)]
    return "\n\n".join("\n".join(lines) for lines in parts) + "\n"


def by_variant(report: Report) -> dict[str, list[Comparison]]:
    """The comparisons of every variant but the control, in the order of the arms."""
    found: dict[str, list[Comparison]] = {arm.name: [] for arm in report.arms[1:]}
    for one in report.comparisons:
        found.setdefault(one.variant, []).append(one)
    return found


def sentences(found: Sequence[Comparison]) -> list[tuple[list[Comparison], str]]:
    """Every verdict once, with the comparisons it is said of."""
    said: dict[str, list[Comparison]] = {}
    for one in found:
        said.setdefault(one.verdict.text, []).append(one)
    return [(of, sentence) for sentence, of in said.items()]


def dates(report: Report) -> str:
    """Since when, until when and as of when."""
    since = f"since {when(report.started)}" if report.started else "not started"
    end = ""
    if report.ends:
        end = f", {'ended' if report.ends <= report.as_of else 'ends'} {when(report.ends)}"
    return f"{since}{end}, as of {when(report.as_of)}"


def allocated(report: Report) -> str:
    """What the allocation check says, after its verdict."""
    check = report.allocation_check
    p = f"p = {check.p:.2g}" if check.p > RAREST else f"p < {RAREST:.0e}"
    if not any(arm.users for arm in report.arms):
        return f"no user has come yet ({p})"
    return {
        "ok": f"users came to the variants as their weights say ({p})",
        "warning": f"the split between the variants is odd ({p}): watch it before you rely on it",
        "alarm": f"users did not come to the variants as their weights say ({p}): find out what"
        " takes them away before you read any figure",
    }[check.verdict]


def lift(one: Comparison) -> tuple[str, str]:
    """Lift and its interval; the difference itself, without %, where the control is 0."""
    if one.lift is None or one.lift_interval is None:
        low, high = one.interval
        return f"{one.difference:+.3g}", f"{low:+.3g} to {high:+.3g}"
    return percent(one.lift), between(one.lift_interval)


def between(interval: tuple[float, float]) -> str:
    """Both ends in per cent."""
    low, high = interval
    return f"{percent(low)[:-1]} to {percent(high)}"


def percent(value: float) -> str:
    """With its sign."""
    return f"{value:+,.0%}" if abs(value) >= 1 else f"{value:+.1%}"


def figure(value: float) -> str:
    """Four digits of it, all of them where it has more before the point."""
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"


def adjusted(p: float) -> str:
    """A p in three places."""
    return f"{p:.3f}" if p >= 0.001 else "<0.001"


def when(at: datetime) -> str:
    """To the minute, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def lower_is_better(metric: str) -> bool:
    """Whether less of this metric is a gain."""
    return metric in METRICS and not METRICS[metric].more_is_better


def _heading(report: Report) -> list[str]:
    check = report.allocation_check.verdict
    users = sum(arm.users for arm in report.arms)
    return [
        f"{report.name}: {report.status}",
        dates(report),
        f"{users:,} users; {report.allocation:.0%} of the audience takes part",
        *wrapped(f"Allocation {check}: {allocated(report)}."),
    ]


def _arms(arms: Sequence[Arm]) -> list[str]:
    rows, below = [], []
    for arm in arms:
        counts = (arm.users, arm.lists, arm.clicked, arm.plays, arm.returned)
        spread = "-" if arm.gini is None else f"{arm.gini:.3f}"
        rows.append([arm.name, *(f"{one:,}" for one in counts), f"{arm.coverage:.1%}", spread])
        below.append("" if arm.halted is None else f"halted: {arm.halted}")
    return table(ARMS, rows, words={0}, below=below)


def _variant(name: str, found: Sequence[Comparison]) -> list[str]:
    if not found:
        return wrapped(f"{name} against the control: {UNCOUNTED}.")
    rows = [
        [
            one.metric,
            one.unit,
            figure(one.control_value),
            figure(one.variant_value),
            *lift(one),
            adjusted(one.p_adjusted),
            one.verdict.kind,
        ]
        for one in found
    ]
    lines = [f"{name} against the control", *table(COMPARED, rows, words={0, 1, 7}), ""]
    for of, sentence in sentences(found):
        lines += wrapped(f"{', '.join(one.metric for one in of)}: {sentence}.", INDENT)
    return lines


def _guardrails(states: Sequence[GuardrailState]) -> list[str]:
    if not states:
        return [f"Guardrails: {UNGUARDED}."]
    rows = [
        [
            one.variant,
            one.metric,
            f"{one.most_loss:.1%}",
            "-" if one.loss is None else percent(one.loss),
            "-" if one.interval is None else between(one.interval),
            one.state,
        ]
        for one in states
    ]
    return ["Guardrails; a loss below 0 is a gain", *table(GUARDED, rows, words={0, 1, 5})]


def _closing(found: Sequence[Comparison]) -> list[str]:
    lines = wrapped(MEANING)
    lower = dict.fromkeys(one.metric for one in found if lower_is_better(one.metric))
    if lower:
        lines += wrapped(f"Lower is better: {', '.join(lower)}.")
    if any(one.lift is None for one in found):
        lines.append("Figures without % are differences from a control of 0, which have no lift.")
    return lines
