"""The two drawings of the insights page: two bars to compare, and the hours of a week."""

from collections.abc import Sequence

from service.experiments.drawing import svg

BAR, PAIR = 260.0, (260.0, 26.0)
CELL, LEFT, TOP = 26, 40, 24
STEP = 3
"""Hours between two that are named."""
FAINTEST = 0.12
"""Of a cell with few plays, so that it differs from one with none."""


def pair(first: float, second: float, title: str) -> str:
    """Two bars, one above the other, with lengths from 0 to 1."""
    bars = (
        f'<rect class="pair s{place}" x="0" y="{4 + 10 * place}"'
        f' width="{BAR * min(length, 1):.2f}" height="8" rx="2"/>'
        for place, length in enumerate((first, second))
    )
    return svg(*PAIR, title, list(bars))


def week(counts: Sequence[Sequence[int]], days: Sequence[str], noun: str, title: str) -> str:
    """A heat map of the week: the more, the stronger the colour, as a share of the most.

    Args:
        counts: 7 rows of 24.
        days: Their names; markup is not let in with them, they are ours.
        noun: What is counted, in the plural.
        title: What a screen reader says of the whole.
    """
    most = max(max(hours) for hours in counts)
    parts = [
        f'<text x="{LEFT + CELL * hour + 2}" y="{TOP - 8}">{hour:02}</text>'
        for hour in range(0, 24, STEP)
    ]
    for place, (day, hours) in enumerate(zip(days, counts, strict=True)):
        y = TOP + CELL * place
        parts.append(f'<text x="0" y="{y + 17}">{day}</text>')
        parts += [
            f'<rect class="{"hour" if one else "hour none"}" x="{LEFT + CELL * hour}" y="{y}"'
            f' width="{CELL - 2}" height="{CELL - 2}" rx="3" fill-opacity="{_strength(one, most)}">'
            f"<title>{day} {hour:02}:00, {one:,} {noun}</title></rect>"
            for hour, one in enumerate(hours)
        ]
    return svg(LEFT + 24 * CELL, TOP + 7 * CELL, title, parts, kind="week")


def _strength(count: int, most: int) -> str:
    return f"{FAINTEST + (1 - FAINTEST) * count / most:.3g}" if count else "1"
