"""A report as one HTML page that needs nothing else: no script, no font, no other file."""

from collections.abc import Iterator, Sequence
from html import escape
from itertools import count

from service.experiments import drawing
from service.experiments.drawing import Scale
from service.experiments.page_style import document, row, table
from service.experiments.report import Arm, Comparison, GuardrailState, Report
from service.experiments.report_text import (
    MEANING,
    UNCOUNTED,
    UNGUARDED,
    adjusted,
    allocated,
    between,
    by_variant,
    dates,
    figure,
    lift,
    lower_is_better,
    percent,
    sentences,
)

LINES = 4  # more of them on one chart cannot be told apart
CLASSES = {
    "better": "better",
    "worse": "worse",
    "no difference": "same",
    "not yet": "open",
    "not to be trusted": "doubt",
    "holds": "better",
    "breached": "worse",
    "ok": "better",
    "warning": "doubt",
    "alarm": "worse",
}
ARMS = ("Variant", "Weight", "Users", "Lists", "Clicked", "Plays", "Returned", "Coverage", "Gini")
NOTHING = f'<tr><td class="left soft" colspan="9">{escape(UNCOUNTED)}</td></tr>'


def page(report: Report) -> str:
    """The report as a page of its own."""
    parts = [
        _heading(report),
        _arms(report.arms),
        *_comparisons(report),
        *_days(report),
        _funnels(report.arms),
        _guardrails(report.guardrails),
        f"<footer><p>{escape(MEANING)}</p></footer>",
    ]
    return document(f"{report.name}: {report.status}", parts)


def _heading(report: Report) -> str:
    check = report.allocation_check.verdict
    users = sum(arm.users for arm in report.arms)
    return (
        f'<header><h1>{escape(report.name)} <span class="pill">{escape(report.status)}</span></h1>'
        f'<p class="soft">{escape(dates(report))}<br>{users:,} users; {report.allocation:.0%} of'
        f' the audience takes part</p><p class="check {CLASSES[check]}"><span class="pill">{check}'
        f"</span>Allocation: {escape(allocated(report))}.</p></header>"
    )


def _arms(arms: Sequence[Arm]) -> str:
    rows = []
    for place, arm in enumerate(arms):
        role = "" if place or arm.name == "control" else ' <span class="soft">(control)</span>'
        halted = "" if arm.halted is None else ' <span class="pill worse">halted</span>'
        counts = (arm.users, arm.lists, arm.clicked, arm.plays, arm.returned)
        spread = "–" if arm.gini is None else f"{arm.gini:.3f}"
        shown = (f"{arm.weight:g}", *(f"{one:,}" for one in counts), f"{arm.coverage:.1%}", spread)
        rows.append(row(f"{escape(arm.name)}{role}{halted}", *shown))
        if arm.halted is not None:
            why = f'<td class="why soft" colspan="{len(ARMS)}">{escape(arm.halted)}</td>'
            rows.append(f"<tr>{why}</tr>")
    return f"<h2>Variants</h2>{table(ARMS, ['<tbody>', *rows, '</tbody>'])}"


def _comparisons(report: Report) -> Iterator[str]:
    yield "<h2>Against the control</h2>"
    if not report.comparisons:
        yield f"<p>Of this, {escape(UNCOUNTED)}.</p>"
        return
    sure = [one.lift or 0 for one in report.comparisons if one.verdict.kind in {"better", "worse"}]
    on = drawing.row((end for one in report.comparisons for end in one.lift_interval or ()), sure)
    yield (
        '<p class="soft">Lift with the interval that holds at every look. ↓ marks metrics of which'
        " less is better; figures without % are differences from a control of 0.</p>"
    )
    bodies: list[str] = []
    for name, found in by_variant(report).items():
        scale = drawing.axis(on, "Lift, in per cent of the control")
        bodies.append(
            f'<tbody><tr class="group"><th scope="rowgroup" colspan="4">{escape(name)}</th>'
            f'<td class="plot">{scale}</td><td colspan="4"></td></tr>'
        )
        bodies += [_comparison(one, on) for one in found] or [NOTHING]
        bodies.append("</tbody>")
    head = ("Metric", "Unit", "Control", "Variant", "", "Lift", "Interval", "p adj.", "Verdict")
    yield table(head, bodies, left={1, 8})
    for name, found in by_variant(report).items():
        if found:
            said = "".join(map(_said, sentences(found)))
            yield f"<h3>{escape(name)}, in words</h3><dl>{said}</dl>"


def _comparison(one: Comparison, on: Scale) -> str:
    (value, ends), kind = lift(one), one.verdict.kind
    title = f"{one.metric}, {one.variant}: {value} ({ends}), {kind}"
    drawn = drawing.interval(on, one.lift, one.lift_interval, kind=CLASSES[kind], title=title)
    return row(
        _metric(one.metric),
        ("left soft", escape(one.unit)),
        figure(one.control_value),
        figure(one.variant_value),
        ("plot", drawn),
        value,
        ends,
        escape(adjusted(one.p_adjusted)),
        ("left", _word(kind)),
    )


def _said(said: tuple[list[Comparison], str]) -> str:
    of, sentence = said
    names = ", ".join(escape(one.metric) for one in of)
    return f"<dt>{names}</dt><dd>{_word(of[0].verdict.kind)}: {escape(sentence)}.</dd>"


def _days(report: Report) -> Iterator[str]:
    metrics = list(dict.fromkeys(metric for day in reversed(report.days) for metric in day.lifts))
    if not metrics:
        return
    yield (
        '<h2>Intervals over time</h2><p class="soft">Lift and its band as they were known on each'
        " day. Days on which little was known may leave the chart.</p>"
    )
    names, marks = list(by_variant(report)), count()
    for start in range(0, len(names), LINES):
        shown = names[start : start + LINES]
        keys = "".join(
            f"<li>{drawing.key(place, name)}{escape(name)}</li>" for place, name in enumerate(shown)
        )
        cards = "".join(
            _over_time(report, one, names, shown, f"days{next(marks)}") for one in metrics
        )
        yield f'<ul class="key">{keys}</ul><div class="cards">{cards}</div>'


def _over_time(
    report: Report, metric: str, names: Sequence[str], shown: Sequence[str], mark: str
) -> str:
    known = [(day.at, day.lifts[metric]) for day in report.days if metric in day.lifts]
    lines = {name: [(at, *of[name]) for at, of in known if name in of] for name in names}
    ends = (end for points in lines.values() for _, _, *both in points for end in both)
    on = drawing.panel(ends, [points[-1][1] for points in lines.values() if points])
    title = f"Lift of {metric} over time: {', '.join(shown)}"
    days = [day.at for day in report.days]
    drawn = drawing.bands([lines[name] for name in shown], on, days, mark=mark, title=title)
    return f"<figure><h3>{_metric(metric)}</h3>{drawn}</figure>"


def _funnels(arms: Sequence[Arm]) -> str:
    users = max((arm.users for arm in arms), default=0)
    lists = max((_share(arm.lists, arm.users) for arm in arms), default=0.0)
    plays = max((_share(arm.plays, arm.users) for arm in arms), default=0.0)
    cards = []
    for arm in arms:
        listed, played = _share(arm.lists, arm.users), _share(arm.plays, arm.users)
        clicked, back = _share(arm.clicked, arm.lists), _share(arm.returned, arm.users)
        rows = [
            ("users", arm.users, _share(arm.users, users), ""),
            ("lists", arm.lists, _share(listed, lists), f"{listed:.3g} per user"),
            ("lists clicked", arm.clicked, clicked, f"{clicked:.1%} of lists"),
            ("plays", arm.plays, _share(played, plays), f"{played:.3g} per user"),
            ("returned", arm.returned, back, f"{back:.1%} of users so far"),
        ]
        drawn = drawing.bars(rows, f"From users to those who returned: {arm.name}")
        cards.append(f"<figure><h3>{escape(arm.name)}</h3>{drawn}</figure>")
    return (
        '<h2>From users to those who returned</h2><p class="soft">Clicked lists and returned users'
        " are drawn as shares; users, and lists and plays per user, against the variant with most."
        f'</p><div class="cards">{"".join(cards)}</div>'
    )


def _guardrails(states: Sequence[GuardrailState]) -> str:
    if not states:
        return f"<h2>Guardrails</h2><p>{UNGUARDED.capitalize()}.</p>"
    on = drawing.row(
        (end for one in states for end in one.interval or ()),
        [one.most_loss for one in states],
    )
    axis = f'<td class="plot">{drawing.axis(on, "Loss, in per cent of the control")}</td>'
    rows = [f'<tbody><tr><td colspan="3"></td>{axis}<td colspan="3"></td></tr>']
    for one in states:
        loss = "–" if one.loss is None else percent(one.loss)
        ends = "–" if one.interval is None else between(one.interval)
        title = f"{one.metric}, {one.variant}: loss {loss} ({ends}), {one.state}"
        kind, most = CLASSES[one.state], one.most_loss
        drawn = drawing.interval(on, one.loss, one.interval, kind=kind, title=title, most=most)
        cells = (("left", _metric(one.metric)), f"{most:.1%}", ("plot", drawn), loss, ends)
        rows.append(row(escape(one.variant), *cells, ("left", _word(one.state))))
    head = ("Variant", "Metric", "Allowed loss", "", "Loss", "Interval", "State")
    return (
        '<h2>Guardrails</h2><p class="soft">Loss relative to the control; below 0 is a gain. A'
        " guardrail is breached once the whole interval is beyond what is allowed.</p>"
        f"{table(head, [*rows, '</tbody>'], left={1, 6})}"
    )


def _word(word: str) -> str:
    return f'<span class="word {CLASSES[word]}">{word}</span>'


def _metric(name: str) -> str:
    return escape(name) + (' <span class="soft">↓</span>' if lower_is_better(name) else "")


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
