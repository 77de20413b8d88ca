"""Skips take off what is like the skipped: the track, its artist, genre, sound and neighbours."""

import numpy as np
import pytest
from msgspec import structs

from core.linear import ItemWeights
from service.domain import Features
from service.profile.session import Skips
from service.recommend.scoring import total_from
from service.recommend.steering import MOST, STEERING, Steering, steer
from tests.service.given import catalogue, model, track, view

KNOWN = catalogue(
    track("skipped", artist="Ann", genres=("jazz",), features=Features(energy=0.1)),
    track("same artist", artist="Ann", genres=("folk",), features=Features(energy=0.9)),
    track("same genre", genres=("jazz",), features=Features(energy=0.9)),
    track("same sound", genres=("rock",), features=Features(energy=0.1)),
    track("neighbour", genres=("rock",), features=Features(energy=0.9)),
    track("other", genres=("rock",), features=Features(energy=0.9)),
)
TOTAL = np.array([5, 4, 3, 2, 1, 0], np.float32)
NOTHING = Steering(track=0, artist=0, genre=0, sound=0, neighbour=0)


def fitted():
    """One neighbour: row 4 of row 0."""
    items = ItemWeights(
        np.array([0, 1, 1, 1, 1, 1, 1]), np.array([4], np.int32), np.ones(1, np.float32)
    )
    return view(KNOWN, fitted=model(KNOWN, [], items=items))


def charged(*, weight: float = 1, total=TOTAL, row: int = 0, **only) -> np.ndarray:
    skipped = Skips(np.array([row], np.int32), np.array([weight], np.float32))
    steering = Steering(**(dict.fromkeys(NOTHING.__struct_fields__, 0.0) | only))
    return (total - steered(total, skipped, unit=2.0, steering=steering)) / 2


def steered(scores, skipped, *, unit=1.0, steering=STEERING, seen=None) -> np.ndarray:
    seen = seen or fitted()
    given = structs.replace(total_from(scores), features=seen.catalogue.features_by_row, unit=unit)
    every = np.arange(len(scores), dtype=np.int32)
    return steer(given, seen, skipped, steering=steering).at(every)


@pytest.mark.parametrize(
    "part, rows",
    [
        ("track", [0]),
        ("artist", [0, 1]),
        ("genre", [0, 2]),
        ("sound", [0, 3]),
        ("neighbour", [4]),
    ],
)
def test_each_part_takes_off_what_it_finds_alike_and_nothing_else(part, rows) -> None:
    taken = charged(**{part: 1.0})  # type: ignore[arg-type]

    assert rows == np.flatnonzero(taken > 1e-6).tolist()
    assert (taken >= -1e-6).all()


def test_without_skips_the_scores_are_the_same_array() -> None:
    nothing = Skips(np.empty(0, np.int32), np.empty(0, np.float32))

    given = total_from(TOTAL)

    assert steer(given, fitted(), nothing) is given


def test_more_weight_takes_off_more_up_to_a_limit() -> None:
    assert (charged(artist=1.0, weight=2)[1] > charged(artist=1.0)[1]) == np.True_
    np.testing.assert_allclose(charged(artist=1.0, weight=9)[1], MOST, rtol=1e-5)


def test_a_skip_counts_in_units_of_the_score() -> None:
    """Ten times the unit, ten times the charge: which recipe made the score does not matter."""
    skipped = Skips(np.array([0], np.int32), np.ones(1, np.float32))
    one, ten = (TOTAL - steered(TOTAL, skipped, unit=unit) for unit in (1.0, 10.0))

    np.testing.assert_allclose(ten, one * 10, rtol=1e-4)


def test_excluded_and_unscored_tracks_stay_so() -> None:
    total = np.array([1, np.nan, -np.inf, 2, 3, 4], np.float32)

    skipped = Skips(np.array([0], np.int32), np.ones(1, np.float32))
    found = steered(total, skipped)

    assert np.isneginf(found[2])
    assert np.isfinite(found[[0, 3, 4, 5]]).all()


def test_a_track_of_nobody_and_without_features_charges_only_itself() -> None:
    known = catalogue(track("a", artist="Unknown"), track("b", artist="Unknown"), track("c"))
    total = np.array([1, 2, 3], np.float32)

    skipped = Skips(np.array([0], np.int32), np.ones(1, np.float32))
    found = steered(total, skipped, seen=view(known))

    assert found[0] < 1
    assert [2, 3] == found[1:].tolist()
