"""Every line of the table of strengths, by its numbers."""

import pytest

from service.profile.strength import TYPICAL_MS, strength, verdict
from tests.service.given import listen

SONG_MS = 200_000
OPERA_MS = 3_600_000


@pytest.mark.parametrize(
    "played_ms, duration_ms, expected",
    [
        (None, SONG_MS, 1.0),
        (0, SONG_MS, 0.0),
        (25_000, SONG_MS, 0.25),
        (99_999, SONG_MS, 0.99999),
        (100_000, SONG_MS, 1.0),
        (SONG_MS, SONG_MS, 1.0),
        (120_000, OPERA_MS, 0.5),
        (240_000, OPERA_MS, 1.0),
        (TYPICAL_MS // 4, 0, 0.5),
    ],
)
def test_a_play_counts_in_proportion_up_to_half_the_track_or_four_minutes(
    played_ms, duration_ms, expected
) -> None:
    assert expected == pytest.approx(strength(listen("t", ms_played=played_ms), duration_ms))


@pytest.mark.parametrize(
    "played_ms, expected",
    [
        (None, -0.5),
        (0, -0.5),
        (29_999, -0.5),
        (30_000, -0.425),
        (100_000, -0.25),
        (SONG_MS, 0.0),
        (999_999, 0.0),
    ],
)
def test_a_skip_costs_most_at_the_start_and_nothing_at_the_end(played_ms, expected) -> None:
    skipped = listen("t", action="skip", ms_played=played_ms)

    assert expected == pytest.approx(strength(skipped, SONG_MS))


@pytest.mark.parametrize("action, expected", [("like", 1.0), ("save", 1.2), ("dislike", -1.0)])
def test_a_word_counts_whatever_was_played(action, expected) -> None:
    assert expected == strength(listen("t", action=action, ms_played=1), SONG_MS)


@pytest.mark.parametrize("stars, expected", [(0.5, -1.0), (2.75, 0.0), (5.0, 1.0), (1.625, -0.5)])
def test_stars_run_from_minus_one_to_one(stars, expected) -> None:
    assert expected == strength(listen("t", action="rating", rating=stars), SONG_MS)


def test_strength_is_multiplied_by_the_plays() -> None:
    assert 7.0 == strength(listen("t", plays=7), SONG_MS)
    assert -1.5 == strength(listen("t", plays=3, action="skip"), SONG_MS)


@pytest.mark.parametrize(
    "action, stars, expected",
    [
        ("like", None, True),
        ("save", None, True),
        ("dislike", None, False),
        ("rating", 3.0, True),
        ("rating", 2.5, False),
        ("play", None, None),
        ("skip", None, None),
    ],
)
def test_only_words_are_verdicts(action, stars, expected) -> None:
    assert expected is verdict(listen("t", action=action, rating=stars))
