import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core import reference_ordering
from core.flow import flow
from core.reference_ordering import _crowded, roughness

EIGHTHS = st.integers(0, 8).map(lambda n: n / 8) | st.just(float("nan"))  # sums of them are exact
LISTS = st.integers(0, 12).flatmap(
    lambda m: st.tuples(
        arrays(np.float32, (2, m), elements=EIGHTHS),
        arrays(np.int32, m, elements=st.integers(-1, 4)),
    )
)
OPTIONS = {"reach": st.integers(0, 5), "gap": st.integers(0, 3), "passes": st.integers(1, 4)}


def f32(*values):
    return np.array(values, np.float32)


def apart(size):
    return np.arange(size, dtype=np.int32)


def test_known_answer():
    """Slow, fast, slow, fast becomes slow, slow, fast, fast; the best stays first."""
    assert [0, 2, 1, 3] == flow(f32([0, 1, 0, 1]), apart(4), reach=2, gap=0).tolist()


def test_no_reach_moves_nothing():
    assert [0, 1, 2, 3] == flow(f32([0, 1, 0, 1]), apart(4), reach=0, gap=0).tolist()


def test_artists_stay_apart():
    """The smoothest order would put 7 beside 7."""
    artists = np.array([7, 8, 7, 9], np.int32)

    assert [0, 1, 3, 2] == flow(f32([0, 1, 0, 1]), artists, reach=2, gap=1).tolist()
    assert [0, 2, 1, 3] == flow(f32([0, 1, 0, 1]), artists, reach=2, gap=0).tolist()


def test_the_first_never_moves_and_a_smooth_list_stays_as_it_is():
    assert [0, 2, 1] == flow(f32([1, 0, 0.5]), apart(3), reach=2, gap=0).tolist()
    assert list(range(5)) == flow(f32([0, 1, 2, 3, 4]), apart(5), reach=3, gap=2).tolist()


@settings(max_examples=500, deadline=None)
@given(one=LISTS, **OPTIONS)
def test_matches_reference(one, reach, gap, passes):
    features, artists = one
    options = {"reach": reach, "gap": gap, "passes": passes}

    expected = reference_ordering.flow(features, artists, **options)

    assert expected == flow(features, artists, **options).tolist()


@settings(max_examples=500, deadline=None)
@given(one=LISTS, **OPTIONS)
def test_no_list_gets_rougher_more_crowded_or_out_of_reach(one, reach, gap, passes):
    features, artists = one
    given_order = list(range(artists.size))

    order = flow(features, artists, reach=reach, gap=gap, passes=passes).tolist()

    assert given_order == sorted(order)
    assert order[:1] == given_order[:1]
    assert all(abs(place - was) <= reach for place, was in enumerate(order))
    assert roughness(features, order) <= roughness(features, given_order)
    assert _crowded(artists, order, gap) <= _crowded(artists, given_order, gap)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"features": np.zeros((1, 2))}, r"features must be float32 \(f, 2\)"),
        ({"features": f32([0, np.inf])}, "features must be finite or NaN"),
        ({"artists": np.zeros(2)}, r"artists must be int32 \(m,\)"),
        ({"artists": np.array([0, -2], np.int32)}, "artists must be at least -1, got -2"),
        ({"reach": -1}, "reach must be at least 0"),
        ({"gap": -1}, "gap must be at least 0"),
        ({"passes": 0}, "passes must be at least 1"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    given_list = {"features": f32([0, 1]), "artists": apart(2), "reach": 1, "gap": 1}

    with pytest.raises(ValueError, match=message):
        flow(**(given_list | change))
