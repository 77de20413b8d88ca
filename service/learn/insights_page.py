"""Insights as one HTML page that needs nothing else: no script, no font, no other file."""

from collections.abc import Sequence
from html import escape

from service.experiments import drawing
from service.experiments.page_style import document, row, table
from service.experiments.report_text import when
from service.learn.insights import Genre, Group, Insights, Rising
from service.learn.insights_drawing import pair, week
from service.learn.insights_text import (
    COUNTED,
    DAYS,
    GENRES,
    HEADS,
    MEANINGS,
    RISES,
    UNPLAYED,
    UNRISEN,
    WHO,
    busiest,
    figures,
    points,
    said_first,
    share,
)

STYLE = """
.pair{fill:var(--c);opacity:.8}.hour{fill:var(--s0)}.hour.none{fill:var(--grid)}
svg.week{width:100%;min-width:600px;max-width:860px;height:auto}.wide>svg{margin:8px 0}
tbody.every>tr>*{border-top:1px solid var(--rule);font-weight:600}
td.title{white-space:normal;min-width:12em}
details{margin-top:12px}summary{cursor:pointer;color:var(--soft);font-size:13.5px}
figure{margin-top:14px;max-width:440px}
"""


def page(insights: Insights) -> str:
    """The insights as a page of its own."""
    parts = [
        _heading(insights),
        _groups(insights),
        _genres(insights.genres),
        _rising(insights.rising),
        _clock(insights.clock),
        f"<footer><p>{escape(COUNTED)}</p></footer>",
    ]
    return document("Catalogue insights", parts, style=STYLE)


def _heading(insights: Insights) -> str:
    said = "<br>".join(escape(one) for one in said_first(insights))
    return (
        f'<header><h1>Catalogue insights <span class="pill">{insights.source}</span></h1>'
        f'<p class="soft">As of {when(insights.as_of)}<br>{said}</p></header>'
    )


def _groups(insights: Insights) -> str:
    rows = [_group(one) for one in insights.groups]
    bodies = ["<tbody>", *rows, '</tbody><tbody class="every">', _group(insights.all), "</tbody>"]
    said = "".join(f"<dt>{name}</dt><dd>{escape(one)}.</dd>" for name, one in MEANINGS.items())
    return (
        f'<h2>What is shown to whom</h2><p class="soft">{escape(WHO)}</p>'
        f"{table([one.capitalize() for one in HEADS], bodies)}"
        f"{_coverage([*insights.groups, insights.all])}<dl>{said}</dl>"
    )


def _group(group: Group) -> str:
    return row(group.name, *map(_dash, figures(group)))


def _coverage(groups: Sequence[Group]) -> str:
    most = max(one.coverage for one in groups)
    if not most:
        return ""
    rows = [(one.name, one.tracks, one.coverage / most, share(one.coverage)) for one in groups]
    drawn = drawing.bars(rows, "Different tracks shown to each group, of the catalogue")
    return f"<figure><h3>Different tracks shown</h3>{drawn}</figure>"


def _genres(genres: Sequence[Genre]) -> str:
    if not genres:
        return f"<h2>Shown against played</h2><p>{UNPLAYED.capitalize()}.</p>"
    most = max(max(one.played, one.shown or 0) for one in genres)
    rows = []
    for one in genres:
        title = f"{one.name}: {share(one.played)} of plays, {share(one.shown)} of places"
        drawn = pair(one.played / most, (one.shown or 0) / most, title)
        cells = map(_dash, (share(one.played), share(one.shown), points(one)))
        rows.append(row(_named(one.name), ("plot", drawn), *cells))
    head = ("Genre", "", _key(0, "Played"), _key(1, "Shown"), "Points")
    return (
        f'<h2>Shown against played</h2><p class="soft">{escape(GENRES)}</p>'
        f"{table(head, ['<tbody>', *rows, '</tbody>'])}"
    )


def _rising(rising: Sequence[Rising]) -> str:
    if not rising:
        return f"<h2>Rising</h2><p>{UNRISEN.capitalize()}.</p>"
    most = max(one.this_week for one in rising)
    rows = []
    for one in rising:
        title = f"{one.title}: {one.this_week:,} plays this week, {one.last_week:,} last week"
        drawn = pair(one.this_week / most, one.last_week / most, title)
        artist = ("left title", _named(one.artist))
        figures = (f"{one.this_week:,}", f"{one.last_week:,}", f"×{one.factor:.2f}")
        rows.append(row(_named(one.title), artist, ("plot", drawn), *figures))
    head = ("Track", "Artist", "", _key(0, "This week"), _key(1, "Last week"), "Factor")
    return (
        f'<h2>Rising</h2><p class="soft">{escape(RISES)}</p>'
        f"{table(head, ['<tbody>', *rows, '</tbody>'], left={1})}"
    )


def _clock(clock: Sequence[Sequence[int]]) -> str:
    if not any(map(any, clock)):
        return f"<h2>When people listen</h2><p>{UNPLAYED.capitalize()}.</p>"
    said = f"By the hour in UTC: {busiest(clock)}"
    drawn = week(clock, DAYS, "plays", f"Plays by weekday and hour in UTC: {busiest(clock)}")
    rows = [
        row(day, *(f"{one:,}" for one in hours)) for day, hours in zip(DAYS, clock, strict=True)
    ]
    head = ("Day", *(f"{hour:02}" for hour in range(24)))
    return (
        f'<h2>When people listen</h2><p class="soft">{said}. The stronger the colour, the more.</p>'
        f'<div class="wide">{drawn}</div><details><summary>The same as figures</summary>'
        f"{table(head, ['<tbody>', *rows, '</tbody>'])}</details>"
    )


def _key(place: int, name: str) -> str:
    return f'<span class="word s{place}">{name}</span>'


def _named(name: str) -> str:
    """A name from outside, which cannot turn what is around it from right to left."""
    return f"<bdi>{escape(name)}</bdi>"


def _dash(cell: str) -> str:
    return "–" if cell == "-" else cell
