"""What is asked, and about whom."""

import pytest

from service.domain import Context, Preferences
from service.recommend.ask import STRATEGIES, Ask
from tests.service.given import catalogue, listener, player_of

KNOWN = catalogue()


def test_equal_asks_have_equal_keys_and_every_default_may_be_left_out() -> None:
    spelled = Ask(limit=20, strategy="hybrid", context=Context(), mix="discover", exclude=())

    assert Ask().key == spelled.key
    assert Ask(exclude=("a", "b")).key != Ask(exclude=("ab",)).key


def test_a_hybrid_asks_every_strategy_and_any_other_itself() -> None:
    assert ("collaborative", "content", "context", "trending") == Ask().strategies
    for strategy in STRATEGIES:
        assert (strategy,) == Ask(strategy=strategy).strategies


@pytest.mark.parametrize(
    "preferences, known",
    [
        (Preferences(), False),
        (Preferences(explicit=False), False),
        (Preferences(genres=("jazz",)), True),
        (Preferences(artists=("X",)), True),
    ],
)
def test_preferences_make_somebody_known(preferences, known) -> None:
    assert known is listener(KNOWN, preferences=preferences).known


def test_one_listen_makes_somebody_known() -> None:
    assert player_of(KNOWN, "jazz01").known
    assert not player_of(KNOWN, "no-such-track").known
