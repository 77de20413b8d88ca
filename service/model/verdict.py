"""What the quality gate said about a version."""

from typing import Literal

from msgspec import Struct

Basis = Literal["none", "newer", "trial"]
"""What two models were compared on: nothing, listens newer than both, or what each held out."""


class Figure(Struct, frozen=True, kw_only=True):
    """NDCG@10 of the version that served and of the candidate, over the same listeners."""

    listeners: int
    champion: float
    candidate: float
    low: float  # where the change lies, as a share of the champion's figure
    high: float


class Verdict(Struct, frozen=True, kw_only=True):
    """Whether a version may serve by itself, and what says so."""

    passed: bool
    why: str
    basis: Basis = "none"
    champion: str | None = None  # the version that served
    figures: dict[str, Figure] = {}  # "all", "known", "new", "long tail", "country XX"


FIRST = Verdict(passed=True, why="nothing served that it could be compared with")
