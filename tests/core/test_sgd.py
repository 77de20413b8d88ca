import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core import reference_factors, sgd
from core.sgd import BiasedFactors, learn, predict

NAMES = [field.name for field in dataclasses.fields(BiasedFactors)]


def f32(values):
    return np.array(values, np.float32)


def i32(values):
    return np.array(values, np.int32)


def factors(users=4, tracks=5, dimensions=18, seed=0):
    rng = np.random.default_rng(seed)
    made = sgd.start(users, tracks, dimensions, rng=rng, spread=0.3)
    made.user_biases[:] = rng.standard_normal(users) * 0.2
    made.track_biases[:] = rng.standard_normal(tracks) * 0.2
    made.mean[:] = 0.4
    return made


def copy(given_factors):
    return BiasedFactors(**{name: getattr(given_factors, name).copy() for name in NAMES})


def bits(given_factors):
    return {name: getattr(given_factors, name).tobytes() for name in NAMES}


def test_known_answer():
    """By hand: e = 2 - (0.5 + 0.25 + 0 + 1 * 0.5) = 0.75, a step of 0.1 * 0.75, no penalty."""
    model = BiasedFactors(f32([[1.0]]), f32([[0.5]]), f32([0.25]), f32([0.0]), f32([0.5]))
    learned = learn(model, i32([0]), i32([0]), f32([2]), learning_rate=0.1, reg=0)

    np.testing.assert_allclose(model.users, [[1 + 0.075 * 0.5]], rtol=1e-6)
    np.testing.assert_allclose(model.tracks, [[0.5 + 0.075 * 1]], rtol=1e-6)
    np.testing.assert_allclose(model.user_biases, [0.325], rtol=1e-6)
    np.testing.assert_allclose(model.track_biases, [0.075], rtol=1e-6)
    np.testing.assert_allclose(model.mean, [0.575], rtol=1e-6)
    assert (1, 0, -1, 0, 0, 0.5625) == dataclasses.astuple(learned)


def test_predict_known_answer():
    model = BiasedFactors(
        f32([[1, 2]]), f32([[3, 4], [0, 1]]), f32([10]), f32([100, 0]), f32([1000])
    )

    assert [1121, 1012] == predict(model, i32([0, 0]), i32([0, 1])).tolist()


EVENT = st.tuples(
    st.integers(0, 3),
    st.integers(0, 4),
    st.floats(-30, 30, width=32) | st.sampled_from([np.nan, np.inf, -np.inf, 3e38]),
    st.floats(0, 3, width=32) | st.sampled_from([np.nan, -1.0, np.inf]),
)


@settings(max_examples=500)
@given(
    events=st.lists(EVENT, max_size=12),
    dimensions=st.integers(1, 37),
    options=st.fixed_dictionaries(
        {
            "learning_rate": st.sampled_from([0.01, 0.3]),
            "reg": st.sampled_from([0.0, 0.01, 1.0]),
            "clip": st.sampled_from([0.5, 10.0]),
            "max_norm": st.sampled_from([0.7, 10.0]),
            "frozen_mean": st.booleans(),
            "frozen_users": st.none() | arrays(np.bool_, 4),
            "frozen_tracks": st.none() | arrays(np.bool_, 5),
        }
    ),
    broken=st.booleans(),
    weighted=st.booleans(),
)
def test_matches_reference_to_the_bit(events, dimensions, options, broken, weighted):
    ours = factors(dimensions=dimensions)
    if broken:
        ours.users[1, 0], ours.tracks[2, -1], ours.user_biases[3] = np.nan, 1e30, np.inf
    twin = copy(ours)
    columns = list(zip(*events, strict=True)) or [()] * 4
    given_events = i32(columns[0]), i32(columns[1]), f32(columns[2])
    weights = f32(columns[3]) if weighted else None
    with np.errstate(all="ignore"):
        expected = reference_factors.learn(twin, *given_events, weights=weights, **options)
    learned = learn(ours, *given_events, weights=weights, **options)

    for name in NAMES:
        np.testing.assert_array_equal(getattr(ours, name), getattr(twin, name), err_msg=name)
    np.testing.assert_equal(dataclasses.astuple(learned), dataclasses.astuple(expected))


@settings(max_examples=500)
@given(
    pairs=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=9),
    dimensions=st.integers(1, 37),
)
def test_predict_matches_reference_to_the_bit(pairs, dimensions):
    users, tracks = i32([pair[0] for pair in pairs]), i32([pair[1] for pair in pairs])
    question = factors(dimensions=dimensions), users, tracks

    np.testing.assert_array_equal(
        predict(*question), reference_factors.predict(*question), strict=True
    )


def test_a_step_is_the_gradient_by_finite_differences():
    """Of the written-out objective, in float64, for every single parameter of one event."""
    rate, reg, weight, target, h = 1e-2, 0.05, 1.5, 1.7, 1e-3
    before = factors(dimensions=20)
    after = copy(before)
    question = i32([2]), i32([3]), f32([target])
    learn(after, *question, weights=f32([weight]), learning_rate=rate, reg=reg)
    for name in NAMES:
        for at in np.ndindex(getattr(before, name).shape):
            costs = []
            for shift in (h, -h):
                moved = copy(before)
                getattr(moved, name)[at] += shift
                costs.append(reference_factors.objective(moved, 2, 3, target, weight, reg))
            slope = (costs[0] - costs[1]) / (2 * h)
            step = (getattr(before, name)[at] - getattr(after, name)[at]) / rate

            np.testing.assert_allclose(step, slope, atol=2e-3, err_msg=f"{name}{at}")


def test_loss_falls_on_average_and_the_truth_is_found():
    rng = np.random.default_rng(1)
    truth, model = factors(60, 80, 4, seed=2), sgd.start(60, 80, 4, rng=rng)
    losses = []
    for _ in range(30):
        users, tracks = rng.integers(0, 60, 4000, np.int32), rng.integers(0, 80, 4000, np.int32)
        noise = rng.standard_normal(4000).astype(np.float32) * 0.05
        targets = predict(truth, users, tracks) + noise
        losses.append(learn(model, users, tracks, targets, learning_rate=0.05, reg=1e-3).loss)

    assert (np.diff(losses) < 0).mean() > 0.7
    assert losses[-1] < 0.1 * losses[0]


def test_frozen_rows_are_bit_identical():
    """Also a -0.0, which `1 * x + 0 * y` would turn into 0.0."""
    rng = np.random.default_rng(3)
    model = factors(30, 40)
    model.users[:, 0] = -0.0
    model.tracks[:, 1] = -0.0
    old = copy(model)
    frozen_users, frozen_tracks = rng.random(30) < 0.5, rng.random(40) < 0.5
    learn(
        model,
        rng.integers(0, 30, 2000, np.int32),
        rng.integers(0, 40, 2000, np.int32),
        rng.standard_normal(2000).astype(np.float32),
        frozen_users=frozen_users,
        frozen_tracks=frozen_tracks,
        frozen_mean=True,
    )

    for name, frozen in (("user", frozen_users), ("track", frozen_tracks)):
        for array in (f"{name}s", f"{name}_biases"):
            was, is_ = getattr(old, array), getattr(model, array)
            assert was[frozen].tobytes() == is_[frozen].tobytes()
            assert (was[~frozen] != is_[~frozen]).any()
    assert old.mean.tobytes() == model.mean.tobytes()


def test_the_same_order_gives_the_same_bits_in_one_batch_or_many():
    rng = np.random.default_rng(4)
    events = (
        rng.integers(0, 4, 999, np.int32),
        rng.integers(0, 5, 999, np.int32),
        rng.standard_normal(999).astype(np.float32),
    )
    whole, again, parts = factors(), factors(), factors()
    learn(whole, *events)
    learn(again, *events)
    for at in range(0, 999, 37):
        learn(parts, *(column[at : at + 37] for column in events))

    assert bits(whole) == bits(again) == bits(parts)


def test_it_cannot_diverge():
    """A rate at which plain SGD reaches infinity within a few steps."""
    rng = np.random.default_rng(5)
    model = factors()
    for _ in range(50):
        learned = learn(
            model,
            rng.integers(0, 4, 200, np.int32),
            rng.integers(0, 5, 200, np.int32),
            f32(rng.standard_normal(200) * 1e6),
            learning_rate=1.0,
            max_norm=3,
        )

    assert 0 == learned.refused
    assert learned.clipped > 0
    assert learned.bounded > 0
    for rows in (model.users, model.tracks):
        assert np.linalg.norm(rows, axis=1).max() <= 3 * (1 + 1e-5)
    assert max(abs(model.user_biases).max(), abs(model.track_biases).max()) <= 3


def test_what_is_not_finite_is_refused_and_reported_and_changes_nothing():
    model, twin = factors(), factors()
    model.users[3, 5] = twin.users[3, 5] = np.nan
    learned = learn(
        model,
        i32([0, 0, 3, 1, 2]),
        i32([0, 1, 2, 2, 3]),
        f32([1, np.nan, 1, np.inf, 1]),
        weights=f32([1, 1, 1, 1, -1]),
    )
    learn(twin, i32([0]), i32([0]), f32([1]))

    assert (1, 4, 1) == (learned.events, learned.refused, learned.first_refused)
    assert bits(twin) == bits(model)


def test_no_events_are_no_loss():
    learned = learn(factors(), i32([]), i32([]), f32([]))

    assert 0 == learned.events
    assert np.isnan(learned.loss)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"users": i32([4])}, r"users must be in 0\.\.3, got 4"),
        ({"tracks": i32([-1])}, r"tracks must be in 0\.\.4, got -1"),
        ({"tracks": i32([1, 2])}, "users and tracks must pair, got 1 and 2"),
        ({"targets": f32([1, 2])}, r"targets must be float32 \(1,\)"),
        ({"weights": f32([1, 2])}, r"weights must be float32 \(1,\)"),
        ({"frozen_users": np.zeros(3, np.bool_)}, r"frozen_users must be bool \(4,\)"),
        ({"frozen_tracks": f32([0] * 5)}, r"frozen_tracks must be bool \(5,\)"),
        ({"learning_rate": 0}, "learning_rate must be above 0 and finite, got 0"),
        ({"reg": -0.1}, "reg must be in"),
        ({"reg": np.nan}, "reg must be in"),
        ({"clip": np.inf}, "clip must be above 0 and finite, got inf"),
        ({"max_norm": np.nan}, "max_norm must be above 0 and finite, got nan"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_changes(change, message):
    model = factors()
    question = {"users": i32([0]), "tracks": i32([0]), "targets": f32([1])}
    with pytest.raises(ValueError, match=message):
        learn(model, **(question | change))

    assert bits(factors()) == bits(model)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"users": np.zeros((4, 18))}, r"users must be float32 \(users, d\)"),
        ({"users": np.zeros((4, 36), np.float32)[:, ::2]}, "users must be C-contiguous and writ"),
        ({"users": np.zeros((4, 0), np.float32)}, "at least one column"),
        ({"tracks": np.zeros((5, 9), np.float32)}, r"tracks must be float32 \(tracks, 18\)"),
        ({"track_biases": f32([0] * 4)}, r"track_biases must be float32 \(5,\)"),
        ({"mean": f32([])}, r"mean must be float32 \(1,\)"),
    ],
)
def test_broken_factors_cannot_be_made(change, message):
    arrays_ = {name: getattr(factors(), name) for name in NAMES}

    with pytest.raises(ValueError, match=message):
        BiasedFactors(**(arrays_ | change))


def test_read_only_or_shared_arrays_are_refused():
    model = factors()
    model.mean.flags.writeable = False
    arrays_ = {name: getattr(model, name) for name in NAMES}
    with pytest.raises(ValueError, match="mean must be C-contiguous and writable"):
        BiasedFactors(**arrays_)

    shared = arrays_ | {"mean": f32([0]), "tracks": model.users, "track_biases": f32([0] * 4)}
    with pytest.raises(ValueError, match="users and tracks must not share memory"):
        BiasedFactors(**shared)


def test_start_refuses_no_dimensions():
    with pytest.raises(ValueError, match="dimensions must be at least 1"):
        sgd.start(3, 3, 0, rng=np.random.default_rng(0))
