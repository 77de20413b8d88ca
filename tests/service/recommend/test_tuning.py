"""What variants change, and that nothing else can be asked of them."""

import pytest

from service.domain import NO_CONTEXT, Context
from service.errors import Invalid
from service.experiments.arms import NO_ARMS, Arms
from service.model.version import BlendWeights
from service.recommend.ask import Ask
from service.recommend.tuning import PARTS, PLAIN, Tuning, tuning_of


def test_every_part_of_the_blend_has_a_weight() -> None:
    assert {f"weight_{part}" for part in PARTS} == {
        name for name in Tuning.__struct_fields__ if name.startswith("weight_")
    }
    assert set(PARTS) == set(BlendWeights.__struct_fields__)


def test_weights_multiply_what_the_fit_found() -> None:
    weights = BlendWeights(collaborative=0.5, audio=0.2)
    tuned = tuning_of({"weight_collaborative": 2.0, "weight_audio": 0.0}).weighed(weights)

    assert (1.0, 0.0, weights.genre) == (tuned.collaborative, tuned.audio, tuned.genre)
    assert PLAIN.weighed(weights) is weights


def test_settings_come_as_stored_numbers() -> None:
    tuning = tuning_of({"explored": 2.0, "balance": 0.4, "strategies": "content, trending"})

    assert (2, 0.4, ("content", "trending")) == (tuning.explored, tuning.balance, tuning.asked)
    assert tuning_of({}) is PLAIN


@pytest.mark.parametrize(
    "settings",
    [
        {"explored": 1.5},
        {"explored": -1.0},
        {"balance": "much"},
        {"context": "maybe"},
        {"strategies": "content,content"},
        {"strategies": ""},
        {"weight_mood": 1.0},
        {"weight_audio": float("nan")},
        {"weight_audio": float("inf")},
    ],
)
def test_what_is_no_setting_is_refused(settings) -> None:
    with pytest.raises(Invalid):
        tuning_of(settings)


def test_a_variant_changes_what_nobody_asked_for() -> None:
    arms = Arms({"x": "new"}, {"balance": 0.9}, "|x=new")
    tuning = tuning_of(
        {"balance": 0.9, "context": "off", "flow": "always", "strategies": "content"}
    )
    asked = Ask(context=Context(activity="sleep")).of(arms, tuning, balance=0.25)

    assert (0.9, NO_CONTEXT, True) == (asked.balance, asked.context, asked.flow)
    assert ("content",) == asked.strategies
    assert 0.25 == Ask().of(NO_ARMS, PLAIN, balance=0.25).balance
    assert 0.1 == Ask(balance=0.1).of(arms, tuning, balance=0.25).balance
    assert ("trending",) == Ask(strategy="trending", tuning=tuning).strategies
