"""What a list that had to be made tells: that it was asked for, of whom, and what became of it."""

from datetime import datetime

from service.bus import (
    ASKED,
    RecommendationComputed,
    RecommendationRequested,
    StrategyRequested,
)
from service.recommend.ask import Ask
from service.recommend.page import Page


def asked(
    request: str, user_id: str, ask: Ask, *, at: datetime
) -> tuple[RecommendationRequested, *tuple[StrategyRequested, ...]]:
    """The request, and each strategy it asks."""
    names = list(ask.strategies)
    requested = RecommendationRequested(request, user_id, names, at)
    return requested, *[ASKED[name](request) for name in names]


def computed(request: str, page: Page, *, took_s: float) -> RecommendationComputed:
    """The list that came of it."""
    took_ms = round(took_s * 1000, 3)
    return RecommendationComputed(
        request, page.user_id, page.list_id, page.tier, page.strategies, took_ms
    )
