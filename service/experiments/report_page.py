"""A report as one HTML page that needs nothing else: no script, no font, no other file."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from html import escape
from itertools import count

from service.experiments import drawing
from service.experiments.drawing import Scale
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
STYLE = """
:root{color-scheme:light dark;--page:#fbfbfa;--card:#fff;--ink:#1d2429;--soft:#5c6870;
--rule:#e3e6e8;--grid:#edeff0;--better:#1b7f5c;--worse:#b5402f;--same:#3f6ea3;--open:#7d8890;
--doubt:#96660a;--s0:#2f6db5;--s1:#b8651b;--s2:#7a58ad;--s3:#16807f}
@media(prefers-color-scheme:dark){:root{--page:#14181b;--card:#1b2024;--ink:#e4e8ea;--soft:#9aa5ac;
--rule:#2e353a;--grid:#262c31;--better:#4fbf95;--worse:#e8806f;--same:#7fabdd;--open:#8e99a1;
--doubt:#d8a548;--s0:#74a9e6;--s1:#e39a55;--s2:#b296e0;--s3:#54bcba}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.55 system-ui,-apple-system,
"Segoe UI",Roboto,"Liberation Sans",sans-serif;overflow-wrap:anywhere}
main{max-width:1200px;margin:0 auto;padding:48px 24px 64px}
h1{font-size:30px;line-height:1.2;margin:0 0 8px;letter-spacing:-.01em}
h2{font-size:19px;margin:48px 0 4px}h3{font-size:16px;margin:28px 0 0}
figure h3{font-size:14px;margin:0 0 6px}
p{margin:0 0 12px;max-width:80ch}.soft,footer{color:var(--soft)}
.pill{display:inline-block;padding:1px 10px;border-radius:99px;border:1px solid currentColor;
font-size:12.5px;line-height:1.5;font-weight:600;white-space:nowrap;vertical-align:middle}
h1 .pill{margin-left:8px;letter-spacing:0}.check .pill{margin-right:10px}
.better{--c:var(--better)}.worse{--c:var(--worse)}.same{--c:var(--same)}.open{--c:var(--open)}
.doubt{--c:var(--doubt)}.s0{--c:var(--s0)}.s1{--c:var(--s1)}.s2{--c:var(--s2)}.s3{--c:var(--s3)}
.pill,.word{color:var(--c,var(--soft))}.word{font-weight:600;white-space:nowrap}
.check{margin:20px 0 0;padding:12px 16px;max-width:none;background:var(--card);
border:1px solid var(--rule);border-left:4px solid var(--c);border-radius:6px}
.wide{overflow-x:auto;margin-top:14px;padding:4px 12px 12px;background:var(--card);
border:1px solid var(--rule);border-radius:8px}
table{border-collapse:collapse;width:100%;font-size:13.5px;font-variant-numeric:tabular-nums;
overflow-wrap:normal}
th,td{padding:6px 9px;text-align:right;white-space:nowrap}th{font-weight:600}
thead th{color:var(--soft);font-size:12.5px;font-weight:500}
th:first-child{white-space:normal}th:first-child,td:first-child,.left{text-align:left}
tbody tr+tr>*{border-top:1px solid var(--grid)}
td.why{padding-top:0;border-top:0!important;white-space:normal;overflow-wrap:anywhere}
tr.group>*{padding-top:26px;vertical-align:bottom}tr.group th{font-size:16px}
tbody:first-of-type tr.group>*{padding-top:4px}
td.plot{padding-top:0;padding-bottom:0}svg{display:block;overflow:visible}
svg text{fill:var(--soft);font-size:11.5px}svg .number{fill:var(--ink);font-weight:600}
svg.panel,svg.funnel{width:100%;height:auto}svg.panel text{font-size:11px}
.zero{stroke:var(--soft)}.grid{stroke:var(--grid)}.most{stroke:var(--worse);stroke-dasharray:4 3}
.beyond{fill:var(--worse);opacity:.1}.bar{fill:var(--c);opacity:.38}.dot,.end{fill:var(--c)}
.band{fill:var(--c);opacity:.15}.stroke{fill:none;stroke:var(--c);stroke-width:2;
stroke-linejoin:round}.count{fill:var(--same);opacity:.75}
.stroke.s1{stroke-dasharray:7 3}.stroke.s2{stroke-dasharray:2 3}.stroke.s3{stroke-dasharray:9 3 2 3}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(320px,100%),1fr));gap:16px;
margin-top:14px}
figure{margin:0;padding:14px 16px 10px;background:var(--card);border:1px solid var(--rule);
border-radius:8px}
.key{display:flex;flex-wrap:wrap;gap:4px 20px;margin:24px 0 0;padding:0;list-style:none}
.key svg{display:inline-block;margin-right:8px;vertical-align:middle}
dl{display:grid;grid-template-columns:fit-content(16em) 1fr;gap:5px 20px;margin:10px 0 0;
font-size:14px}dt{font-weight:600;min-width:9em}dd{margin:0;max-width:90ch}
footer{margin-top:56px;padding-top:16px;border-top:1px solid var(--rule);font-size:13.5px}
@media print{body{background:none}.wide,figure{break-inside:avoid}}
"""


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
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(report.name)}: {escape(report.status)}</title><style>{STYLE}</style>"
        f"</head>\n<body><main>\n{chr(10).join(parts)}\n</main></body></html>\n"
    )


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
        rows.append(_row(f"{escape(arm.name)}{role}{halted}", *shown))
        if arm.halted is not None:
            why = f'<td class="why soft" colspan="{len(ARMS)}">{escape(arm.halted)}</td>'
            rows.append(f"<tr>{why}</tr>")
    return f"<h2>Variants</h2>{_table(ARMS, ['<tbody>', *rows, '</tbody>'])}"


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
    yield _table(head, bodies, left={1, 8})
    for name, found in by_variant(report).items():
        if found:
            said = "".join(map(_said, sentences(found)))
            yield f"<h3>{escape(name)}, in words</h3><dl>{said}</dl>"


def _comparison(one: Comparison, on: Scale) -> str:
    (value, ends), kind = lift(one), one.verdict.kind
    title = f"{one.metric}, {one.variant}: {value} ({ends}), {kind}"
    drawn = drawing.interval(on, one.lift, one.lift_interval, kind=CLASSES[kind], title=title)
    return _row(
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
        rows.append(_row(escape(one.variant), *cells, ("left", _word(one.state))))
    head = ("Variant", "Metric", "Allowed loss", "", "Loss", "Interval", "State")
    return (
        '<h2>Guardrails</h2><p class="soft">Loss relative to the control; below 0 is a gain. A'
        " guardrail is breached once the whole interval is beyond what is allowed.</p>"
        f"{_table(head, [*rows, '</tbody>'], left={1, 6})}"
    )


def _table(head: Sequence[str], bodies: Iterable[str], left: Collection[int] = ()) -> str:
    names = "".join(
        f'<th scope="col" class="{"left" if place in left else ""}">{name}</th>'
        for place, name in enumerate(head)
    )
    rows = f"<thead><tr>{names}</tr></thead>{''.join(bodies)}"
    return f'<div class="wide"><table>{rows}</table></div>'


def _row(name: str, *cells: str | tuple[str, str]) -> str:
    """Of a name and cells, some with a class before them; all of it is markup."""
    pairs = [("", cell) if isinstance(cell, str) else cell for cell in cells]
    drawn = "".join(f'<td class="{kind}">{cell}</td>' for kind, cell in pairs)
    return f'<tr><th scope="row">{name}</th>{drawn}</tr>'


def _word(word: str) -> str:
    return f'<span class="word {CLASSES[word]}">{word}</span>'


def _metric(name: str) -> str:
    return escape(name) + (' <span class="soft">↓</span>' if lower_is_better(name) else "")


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
