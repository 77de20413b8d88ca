"""Everybody who sits the exam: each part alone, the blend, the blend without a part, baselines."""

from collections.abc import Callable
from typing import get_args

from msgspec import Struct, structs

from service.domain import Part
from service.learn import baselines
from service.learn.evaluation import OF_PART, Only, show, show_each
from service.learn.footprint import Footprint
from service.learn.protocol import Protocol
from service.learn.scorecard import Comparison, Scorecard, compare, exam, mark
from service.model.current import View
from service.model.version import BlendWeights

BLEND, SPACED = "blend", "blend, artists spaced"
ALONE: tuple[Part, ...] = tuple(part for part in get_args(Part) if part in OF_PART)


class Judged(Struct, frozen=True, kw_only=True):
    """What the test rows say about all of them."""

    users: int
    rows: dict[str, Scorecard]
    against: dict[str, Comparison]
    without: dict[str, Comparison]
    left_out: str


def judge_all(
    view: View, protocol: Protocol, footprint: Footprint, progress: Callable[[float, str], None]
) -> Judged:
    """Make everybody's lists for the test users, and judge them."""
    of = exam(protocol.test, protocol.final)
    users, k = of.users.tolist(), protocol.k
    rows: dict[str, Scorecard] = {}
    parts: tuple[Only, ...] = (*ALONE, "content")
    for number, part in enumerate(parts):
        progress(0.3 * number / len(parts), f"judging: {part} alone")
        shown = show(view, protocol.final, users, k, only=part)
        if (shown >= 0).any():  # without metadata there is no content to rank by
            rows[f"{part} alone"] = mark(of, shown)
    progress(0.3, "judging: the blend, and without each part")
    blends = _ablation(view)
    lists = show_each(view, protocol.final, users, k, blends)
    blend = lists.pop(BLEND)
    rows[BLEND] = mark(of, blend, footprint)
    rows[SPACED] = mark(of, show(view, protocol.final, users, k, spaced=True))
    against = {}
    theirs = baselines.available()
    for number, baseline in enumerate(theirs):
        progress(0.5 + 0.5 * number / len(theirs), f"fitting and judging: {baseline.name}")
        found = baselines.run(
            baseline, protocol.fit, protocol.chosen_on, protocol.final, of.users, k=k
        )
        rows[baseline.name] = mark(of, found.shown, found.footprint, options=found.options)
        against[baseline.name] = compare(of, blend, found.shown)
    return Judged(
        users=len(users),
        rows=rows,
        against=against,
        without={name: compare(of, blend, shown) for name, shown in lists.items()},
        left_out="" if len(theirs) > len(baselines.OURS) else baselines.WITHOUT_IMPLICIT,
    )


def _ablation(view: View) -> dict[str, BlendWeights]:
    """The blend, and the blend without each part that counts in it."""
    if view.model is None:
        raise ValueError("there is no model to judge")
    blend = view.model.blend
    without: dict[str, BlendWeights] = {
        part: structs.replace(blend, **{part: 0.0}) for part in ALONE if getattr(blend, part)
    }
    return {BLEND: blend, **without}
