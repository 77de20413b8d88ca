"""`fields=`: which members of each recommendation are sent."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from service.domain import Reason, Recommendation, TrackBrief
from service.errors import Invalid

MEMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "track": TrackBrief.__struct_fields__,
    "reason": Reason.__struct_fields__,
}
TOP: Final = Recommendation.__struct_fields__
KNOWN: Final = frozenset(
    (*TOP, *(f"{top}.{member}" for top, members in MEMBERS.items() for member in members))
)


def read_fields(text: str) -> tuple[str, ...]:
    """The members named, sorted and without those that others cover; `()` stands for all.

    Raises:
        Invalid: naming what is no member.
    """
    if not text:
        return ()
    named = set(text.split(","))
    if unknown := sorted(named - KNOWN):
        known = ", ".join(sorted(KNOWN))
        raise Invalid(f"fields: {unknown[0][:64]!r} is no member; there are {known}")
    kept = {name for name in named if name.partition(".")[0] not in named - {name}}
    return () if kept.issuperset(TOP) else tuple(sorted(kept))


def pick(page: dict[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    """The page with only these members in each recommendation; one that is not there stays away."""
    if not fields:
        return page
    return page | {"recommendations": [_picked(one, fields) for one in page["recommendations"]]}


def _picked(one: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    picked: dict[str, Any] = {}
    for field in fields:
        top, _, member = field.partition(".")
        if top not in one:
            continue
        if not member:
            picked[top] = one[top]
        elif member in one[top]:
            picked.setdefault(top, {})[member] = one[top][member]
    return picked
