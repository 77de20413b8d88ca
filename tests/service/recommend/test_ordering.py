"""From scores to a list: full, best first, artists spread out."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from service.recommend.ordering import order
from service.recommend.scoring import Total, total_from
from tests.service.given import catalogue, track


def named(*artists: str):
    """A catalogue of one track per name."""
    return catalogue(*(track(f"t{n}", artist=name) for n, name in enumerate(artists)))


def falling(size: int) -> Total:
    return total_from(np.arange(size, 0, -1, dtype=np.float32))


@given(
    artists=st.lists(st.sampled_from("ABCDE"), min_size=1, max_size=60),
    flags=st.lists(st.booleans(), min_size=60, max_size=60),
    limit=st.integers(1, 30),
)
def test_the_list_is_as_long_as_asked_when_enough_are_eligible(artists, flags, limit) -> None:
    eligible = np.array(flags[: len(artists)])

    rows, _ = order(falling(len(artists)), eligible, named(*artists), limit)

    assert min(limit, eligible.sum()) == len(rows) == len(set(rows.tolist()))
    assert eligible[rows].all()


def test_different_artists_are_listed_best_first_with_their_scores() -> None:
    scores = np.array([1, 5, 3, 4], np.float32)

    rows, best = order(total_from(scores), np.ones(4, bool), named(*"ABCD"), 3)

    assert [1, 3, 2] == rows.tolist()
    assert [5, 4, 3] == best.tolist()


def test_two_other_artists_stand_between_two_tracks_of_one() -> None:
    known = named("A", "A", "A", "B", "C", "D", "E")

    rows, _ = order(falling(7), np.ones(7, bool), known, 7)

    assert ["A", "B", "C", "A", "D", "E", "A"] == [known.briefs[row].artist for row in rows]


def test_one_artist_has_three_tenths_of_a_long_list_at_most() -> None:
    known = named(*["A"] * 10, *(f"other {n}" for n in range(20)))

    rows, _ = order(falling(30), np.ones(30, bool), known, 10)

    assert 3 == sum(known.briefs[row].artist == "A" for row in rows)


def test_a_short_list_may_have_two_tracks_of_one_artist() -> None:
    known = named("A", "A", "A", "B", "C", "D")

    rows, _ = order(falling(6), np.ones(6, bool), known, 4)

    assert ["A", "B", "C", "A"] == [known.briefs[row].artist for row in rows]


def test_tracks_without_an_artist_are_not_kept_apart() -> None:
    known = named("Unknown", "Unknown", "Unknown", "B")

    assert [0, 1, 2] == order(falling(4), np.ones(4, bool), known, 3)[0].tolist()


def test_a_track_without_a_score_is_never_listed() -> None:
    scores = np.array([np.nan, 1, -np.inf], np.float32)

    assert [1] == order(total_from(scores), np.ones(3, bool), named(*"ABC"), 3)[0].tolist()


def test_nothing_eligible_is_an_empty_list() -> None:
    rows, best = order(falling(2), np.zeros(2, bool), named(*"AB"), 5)

    assert (0, 0) == (len(rows), len(best))


def recordings(*titles: str):
    """A catalogue of one track per title, all by one of ten artists of that title's first word."""
    return catalogue(
        *(
            track(f"t{n}", title=title, artist=f"by {title.split()[0]}")
            for n, title in enumerate(titles)
        )
    )


def test_of_two_recordings_of_a_work_only_the_better_is_listed() -> None:
    known = recordings("One", "One - 2011 Remaster", "Two", "Three (Live)", "Three")

    assert [0, 2, 3] == order(falling(5), np.ones(5, bool), known, 5)[0].tolist()


def test_other_recordings_do_not_shorten_a_list_that_can_be_filled() -> None:
    """Ten recordings of the best work fill the first pool of three per place."""
    known = recordings(*(f"One - {2000 + n} Remaster" for n in range(10)), "Two", "Three")

    assert [0, 10, 11] == order(falling(12), np.ones(12, bool), known, 3)[0].tolist()


def test_recordings_without_an_artist_are_works_of_their_own() -> None:
    known = catalogue(*(track(f"t{n}", title="Intro", artist="Unknown") for n in range(3)))

    assert [0, 1, 2] == order(falling(3), np.ones(3, bool), known, 3)[0].tolist()
