"""What one cell of a table says, however it is spelled."""

import math
import re

from service.domain import FEATURES
from service.doors.importers.row import RowRejected

MISSING = frozenset(("", "na", "n/a", "nan", "null", "none", "-", "inf", "-inf", "+inf"))
"""Lower case. pandas, R and spreadsheets write nothing in many ways."""

_DAY = re.compile(r"(\d{4})(?:-(0[1-9]|1[0-2])(?:-(0[1-9]|[12]\d|3[01]))?)?(?=\D|\Z)")


def number(text: str, name: str) -> float | None:
    """The number, or None where there is none.

    Raises:
        RowRejected: it is neither a number nor missing.
    """
    text = text.strip()
    if text.lower() in MISSING:
        return None
    try:
        value = float(text.replace("_", "no"))  # Python would read 1_000
    except ValueError as error:
        raise RowRejected(f"{name} is no number: {text[:40]!a}") from error
    return value if math.isfinite(value) else None


def features(cells: dict[str, str]) -> dict[str, float | None]:
    """The audio features among the cells of a row, each a number or None."""
    return {name: number(cells[name], name) for name in FEATURES if name in cells}


def names(text: str) -> list[str]:
    """One or several names: `a`, `a;b`, `a|b` or `['a', 'b']`."""
    text = text.strip()
    if text.startswith("[") and text.endswith("]"):
        parts = [part.strip(" '\"") for part in text[1:-1].split(",")]
    else:
        parts = [part.strip() for part in re.split(r"[;|]", text)]
    return [part for part in parts if part]


def day(text: str) -> str | None:
    """A date as YYYY, YYYY-MM or YYYY-MM-DD; None when it is anything else."""
    found = _DAY.match(text.strip())
    return found[0] if found else None


def clean(text: str) -> str:
    """The text on one line: control characters and runs of blanks become one blank."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
