"""Small charts as inline SVG: numbers in, markup out; colours are the page's, by class.

They know nothing of experiments, and let in no text that is not escaped.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from math import ceil, floor, isfinite, isnan, log10
from statistics import median

from msgspec import Struct

LEAST = 0.01
"""A scale reaches at least this far: noise of a thousandth shall not look like a finding."""
FAR = 3
"""What ends this many times as far from 0 as is usual may leave the chart."""
ROW = (300.0, 32.0)
PANEL = (330.0, 176.0)
LEFT, RIGHT, TOP, BOTTOM = 48.0, 12.0, 8.0, 26.0
FUNNEL_WIDTH, BAR_LEFT, BAR_MOST, BAR_ROW = 380.0, 92.0, 140.0, 26.0
TINY = 1e-12
"""A tick this close to 0 is 0."""
HALF_DAY_S = 43_200.0


class Scale(Struct, frozen=True):
    """Values from `low` to `high`, drawn from the pixel `start` to the pixel `end`."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """The pixel of a value."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 2)

    def inside(self, value: float) -> float:
        """The value, or the end of the scale that it is beyond."""
        return min(max(value, self.low), self.high)

    def ticks(self, most: int = 6) -> list[float]:
        """Round values on the scale, about `most` of them, 0 among them if it is there."""
        rough = (self.high - self.low) / most
        unit = 10.0 ** floor(log10(rough))
        step = next(unit * by for by in (1, 2, 5, 10) if unit * by >= rough * 0.999)
        first, last = ceil(self.low / step - 1e-9), floor(self.high / step + 1e-9)
        return [step * number for number in range(first, last + 1)]


Point = tuple[datetime, float, float, float]
"""A time, a value then, and the ends of its interval."""


def scale(values: Iterable[float], ends: Iterable[float], start: float, end: float) -> Scale:
    """One that has room for 0, for `values`, and for those of `ends` that are not `FAR` away."""
    shown = [one for one in values if isfinite(one)]
    finite = [one for one in ends if isfinite(one)]
    usual = median(abs(one) for one in finite) if finite else 0.0
    most = max(FAR * usual, LEAST, *(1.2 * abs(one) for one in shown))
    low, high = min([0.0, *shown, *finite]), max([0.0, *shown, *finite])
    low, high = max(low, -most), min(high, most)
    short = max(LEAST - (high - low), 0.0)
    around = (high - low + short) * 0.06
    return Scale(low - short / 2 - around, high + short / 2 + around, start, end)


def row(ends: Iterable[float], values: Iterable[float]) -> Scale:
    """The scale of a column of intervals."""
    return scale(values, ends, 8.0, ROW[0] - 8.0)


def interval(
    on: Scale,
    value: float | None,
    ends: tuple[float, float] | None,
    *,
    kind: str,
    title: str,
    most: float | None = None,
) -> str:
    """One row: a bar from end to end with a dot at the value; an arrow where it leaves the chart.

    Args:
        on: The scale, the same for all rows of a column.
        value: Where the dot is; nothing is drawn where it or the bar is not known.
        ends: Of the bar.
        kind: Class of both.
        title: What a screen reader says.
        most: A line that must not be crossed, with what is beyond it.
    """
    parts = [_ground(on, most)]
    if value is not None and ends is not None and not any(map(isnan, (value, *ends))):
        low, high = (on.at(on.inside(one)) for one in ends)
        middle = ROW[1] / 2
        parts.append(
            f'<rect class="bar {kind}" x="{low}" y="{middle - 4}"'
            f' width="{max(high - low, 1):.2f}" height="8" rx="2"/>'
        )
        if ends[0] < on.low:
            parts.append(_arrow(on.start, -7, kind))
        if ends[1] > on.high:
            parts.append(_arrow(on.end, 7, kind))
        if on.low <= value <= on.high:
            parts.append(f'<circle class="dot {kind}" cx="{on.at(value)}" cy="{middle}" r="4.5"/>')
    return svg(*ROW, title, parts)


def axis(on: Scale, title: str) -> str:
    """The figures over a column of intervals."""
    ticks = on.ticks()
    digits = _digits(ticks)
    parts = [
        f'<text x="{on.at(one)}" y="20" text-anchor="middle">{_share(one, digits)}</text>'
        for one in ticks
    ]
    return svg(*ROW, title, parts)


def bands(
    lines: Sequence[Sequence[Point]],
    on: Scale,
    days: Sequence[datetime],
    *,
    mark: str,
    title: str,
) -> str:
    """Each line with its band over time; what is outside the scale is cut off.

    Args:
        lines: The n-th has the class `s<n>`.
        on: From `panel`.
        days: In order, at least one; the chart is as wide as they are apart.
        mark: An id that nothing else on the page has.
        title: What a screen reader says.
    """
    width, height = PANEL
    first, last = days[0].timestamp(), days[-1].timestamp()
    alone = first == last
    around = HALF_DAY_S if alone else 0.0
    time = Scale(first - around, last + around, LEFT + 6, width - RIGHT)
    inner = f'x="{LEFT}" y="{TOP}" width="{width - LEFT}" height="{height - TOP - BOTTOM}"'
    parts = [f'<clipPath id="{escape(mark)}"><rect {inner}/></clipPath>']
    ticks = on.ticks(5)
    digits = _digits(ticks)
    for one in ticks:
        y = on.at(one)
        kind = "zero" if abs(one) < TINY else "grid"
        parts.append(f'<path class="{kind}" d="M{LEFT} {y}H{width}"/>')
        label = _share(one, digits)
        parts.append(f'<text x="{LEFT - 7}" y="{y + 4:.2f}" text-anchor="end">{label}</text>')
    parts.append(_date(days[0], time, "middle" if alone else "start"))
    if not alone:
        parts.append(_date(days[-1], time, "end"))
    drawn = "".join(_band(line, place, time, on) for place, line in enumerate(lines))
    parts.append(f'<g clip-path="url(#{escape(mark)})">{drawn}</g>')
    return svg(width, height, title, parts, kind="panel")


def panel(ends: Iterable[float], values: Iterable[float]) -> Scale:
    """The scale of a chart over time, upwards."""
    return scale(values, ends, PANEL[1] - BOTTOM, TOP)


def bars(rows: Sequence[tuple[str, int, float, str]], title: str) -> str:
    """Horizontal bars with their counts.

    Args:
        rows: Name, count, length from 0 to 1, and a remark after the count.
        title: What a screen reader says.
    """
    parts = []
    for place, (name, count, share, remark) in enumerate(rows):
        y, length = place * BAR_ROW, round(BAR_MOST * min(share, 1.0), 2)
        parts += [
            f'<text x="{BAR_LEFT - 8}" y="{y + 17}" text-anchor="end">{escape(name)}</text>',
            f'<rect class="count" x="{BAR_LEFT}" y="{y + 4}" width="{length}" height="18" rx="2"/>',
            f'<text x="{BAR_LEFT + length + 7:.2f}" y="{y + 17}"><tspan class="number">',
            f"{count:,}</tspan>\u2002{escape(remark)}</text>",
        ]
    return svg(FUNNEL_WIDTH, len(rows) * BAR_ROW, title, parts, kind="funnel")


def key(place: int, title: str) -> str:
    """How the line of class `s<place>` looks."""
    return svg(26, 8, title, [f'<path class="stroke s{place}" d="M0 4H26"/>'], kind="line")


def _ground(on: Scale, most: float | None) -> str:
    height = ROW[1]
    parts = []
    for one in on.ticks():
        kind = "zero" if abs(one) < TINY else "grid"
        parts.append(f'<path class="{kind}" d="M{on.at(one)} 0V{height}"/>')
    if most is not None:
        x = on.at(on.inside(most))
        parts.append(
            f'<rect class="beyond" x="{x}" y="0" width="{ROW[0] - x:.2f}" height="{height}"/>'
            f'<path class="most" d="M{x} 0V{height}"/>'
        )
    return "".join(parts)


def _arrow(x: float, length: float, kind: str) -> str:
    middle = ROW[1] / 2
    return f'<path class="dot {kind}" d="M{x} {middle - 5}l{length} 5l{-length} 5z"/>'


def _band(line: Sequence[Point], place: int, time: Scale, on: Scale) -> str:
    """A polygon and a line; a bar and a dot where there is only one point."""
    known = [
        (time.at(day.timestamp()), *(on.at(one) for one in figures))
        for day, *figures in line
        if all(map(isfinite, figures))
    ]
    if not known:
        return ""
    x, y, low, high = known[-1]
    dot = f'<circle class="end s{place}" cx="{x}" cy="{y}" r="3.5"/>'
    if len(known) == 1:
        aside = round(x + 12 * place, 2)  # two of one day shall not hide each other
        dot = dot.replace(f'cx="{x}"', f'cx="{aside}"')
        return f'<path class="stroke s{place}" d="M{aside} {low}V{high}"/>{dot}'
    upper = [f"{x},{high}" for x, _, _, high in known]
    lower = [f"{x},{low}" for x, _, low, _ in reversed(known)]
    middle = " ".join(f"{x},{y}" for x, y, _, _ in known)
    return (
        f'<polygon class="band s{place}" points="{" ".join(upper + lower)}"/>'
        f'<polyline class="stroke s{place}" points="{middle}"/>{dot}'
    )


def _date(day: datetime, time: Scale, anchor: str) -> str:
    x, date = time.at(day.timestamp()), day.astimezone(UTC)
    label = f"{date.day} {date:%b}"
    return f'<text x="{x}" y="{PANEL[1] - 8}" text-anchor="{anchor}">{label}</text>'


def _digits(ticks: Sequence[float]) -> int:
    """Places after the point that tell them apart."""
    step = ticks[1] - ticks[0] if len(ticks) > 1 else 1.0
    return max(ceil(-log10(step) - 2 - 1e-9), 0)


def _share(value: float, digits: int) -> str:
    return "0" if abs(value) < TINY else f"{value:+,.{digits}%}"


def svg(width: float, height: float, title: str, parts: Sequence[str], kind: str = "row") -> str:
    """A drawing of these parts, which are markup, of the class `kind`."""
    size = f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
    return (
        f'<svg class="{kind}" {size} role="img"><title>{escape(title)}</title>'
        f"{''.join(parts)}</svg>"
    )
