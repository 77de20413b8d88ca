"""The list by mix and flow."""

import numpy as np

from core.reference_ordering import roughness
from service.domain import Features
from service.recommend.ask import Ask
from service.recommend.listing import FLOWING, REACH, arrange
from service.recommend.scoring import total_from
from tests.service.given import catalogue, track

KNOWN = catalogue(
    *(
        track(f"t{n:02}", features=Features(energy=n % 2, tempo=90 + 80 * (n % 2)))
        for n in range(40)
    )
)
FALLING = np.arange(40, 0, -1, dtype=np.float32)
ALL = np.ones(40, bool)
NOTHING = np.empty(0, np.int32)


def rows(heard=NOTHING, allowed=ALL, **asked) -> list[int]:
    return arrange(total_from(FALLING), allowed, np.array(heard, np.int32), KNOWN, Ask(**asked))[
        0
    ].tolist()


def test_every_second_place_of_a_blend_was_heard() -> None:
    """New tracks score higher, yet what was heard has half of the places."""
    assert [0, 30, 1, 31, 2, 32] == rows(np.arange(30, 40), mix="blend", limit=6)


def test_a_blend_fills_up_where_one_kind_runs_out() -> None:
    assert [0, 39, 1, 2, 3] == rows([39], mix="blend", limit=5)
    assert 5 == len(rows(np.arange(40), mix="blend", limit=5))


def test_the_other_mixes_are_listed_by_score() -> None:
    for mix in ("discover", "familiar"):
        assert [0, 1, 2] == rows(np.arange(30, 40), mix=mix, limit=3)


def test_a_blend_never_holds_two_recordings_of_a_work() -> None:
    known = catalogue(
        track("a", title="One", artist="Ann"), track("b", title="One (Live)", artist="Ann")
    )
    found, _ = arrange(
        total_from(np.ones(2, np.float32)),
        np.ones(2, bool),
        np.array([1], np.int32),
        known,
        Ask(mix="blend"),
    )

    assert [0] == found.tolist()


def test_flow_keeps_the_tracks_and_the_best_and_makes_smaller_steps() -> None:
    plain, flowing = rows(limit=20), rows(limit=20, flow=True)
    features = KNOWN.features[FLOWING]

    assert sorted(plain) == sorted(flowing)
    assert plain[0] == flowing[0]
    assert max(abs(plain.index(row) - at) for at, row in enumerate(flowing)) <= REACH
    assert roughness(features, flowing) < roughness(features, plain) / 1.5


def test_scores_move_with_their_tracks() -> None:
    found, best = arrange(total_from(FALLING), ALL, NOTHING, KNOWN, Ask(limit=9, flow=True))

    assert FALLING[found].tolist() == best.tolist()


def test_nothing_allowed_is_an_empty_list() -> None:
    assert [] == rows(allowed=np.zeros(40, bool), flow=True)
    assert [] == rows([3], allowed=np.zeros(40, bool), mix="blend")
