"""One consistent state per request."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from service.model.current import Current, LivePrices
from service.model.version import Prices
from tests.service.given import NOON, catalogue, model, track
from tests.worlds import tracks


class Clock:
    """Tells the time it was set to."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def current(clock: Clock) -> Current:
    fresh = Current(clock)
    fresh.add_tracks(tracks())
    return fresh


def test_nothing_yet_is_an_empty_view(clock: Clock) -> None:
    view = Current(clock).view()

    assert (0, None, "none.0", 0) == (
        view.catalogue.size,
        view.model,
        view.stamp,
        len(view.trending),
    )


def test_tracks_are_known_as_soon_as_they_are_added(current: Current) -> None:
    assert not current.knows("new")
    current.add_tracks([track("new")])
    assert current.knows("new")


def test_a_view_does_not_change_under_its_request(current: Current) -> None:
    view = current.view()
    size, stamp = view.catalogue.size, view.stamp

    current.add_tracks([track("new")])
    current.model = model(current.catalogue)

    assert (size, stamp, None) == (view.catalogue.size, view.stamp, view.model)
    assert size == len(view.trending)
    assert not view.catalogue.knows("new")


def test_the_stamp_changes_with_model_and_catalogue_and_with_nothing_else(
    current: Current, clock: Clock
) -> None:
    stamps = [current.view().stamp]
    clock.now += timedelta(hours=1)
    current.trending.add([(0, NOON, 1)])
    assert stamps == [current.view().stamp]

    for version in ("v1", "v2"):
        current.model = model(current.catalogue, version=version)
        stamps.append(current.view().stamp)
    current.add_tracks([track("new")])
    stamps.append(current.view().stamp)
    current.add_tracks([track("new", title="Other")])
    stamps.append(current.view().stamp)

    assert 5 == len(set(stamps))


def test_a_new_model_or_catalogue_is_in_the_very_next_view(current: Current) -> None:
    current.view()

    current.add_tracks([track("new")])
    assert current.view().catalogue is current.catalogue
    current.model = model(catalogue())
    assert current.view().model is current.model


def test_trending_is_read_anew_after_five_seconds_and_not_before(
    current: Current, clock: Clock
) -> None:
    current.trending.add([(0, NOON, 1)])
    first = current.view()
    current.trending.add([(1, NOON, 100)])

    clock.now += timedelta(seconds=4.9)
    assert first is current.view()

    clock.now += timedelta(seconds=0.1)
    assert 1 == np.argmax(current.view().trending)


def test_what_trends_is_the_log_of_decayed_plays(current: Current) -> None:
    current.trending.add([(2, NOON, 3)])

    trending = current.view().trending

    assert "float32" == str(trending.dtype)
    assert [0.0, 0.0, pytest.approx(np.log(4))] == trending[:3].tolist()


def test_without_any_timed_play_popularity_stands_in(clock: Clock) -> None:
    current = Current(clock)
    current.add_tracks([track("a", popularity=10), track("b"), track("c", popularity=90)])

    a, b, c = current.view().trending
    assert c > a > b == 0


def test_without_any_timed_play_who_was_liked_by_more_counts_more_than_the_label(
    clock: Clock,
) -> None:
    current = Current(clock)
    current.add_tracks([track("a"), track("b", popularity=100)])
    current.model = model(current.catalogue, [], listener_counts=np.array([2, 0], np.int32))
    current.add_tracks([track("new", popularity=50)])

    a, b, new = current.view().trending
    assert a > b > new > 0


def priced(current: Current, version: str, price: float) -> None:
    """Serve a model whose tracks all cost the same."""
    size = current.catalogue.size
    prices = Prices(values=np.full(size, price, np.float32), shares=np.ones(size))
    current.model = model(current.catalogue, version=version, prices=prices)


def test_without_a_model_or_prices_nothing_is_charged(current: Current) -> None:
    assert current.view().prices is None
    current.model = model(current.catalogue)

    assert current.view().prices is None


def test_a_track_added_since_the_fit_costs_nothing(current: Current) -> None:
    priced(current, "v1", 0.5)
    current.add_tracks([track("new")])

    prices = current.view().prices

    assert prices is not None
    assert [0.5, 0.0] == prices[-2:].tolist()


def test_live_prices_serve_at_once_but_only_for_their_model(current: Current) -> None:
    priced(current, "v1", 0.5)
    before = current.view()
    current.prices = LivePrices("v1", np.full(current.catalogue.size, 0.75, np.float32))
    live = current.view()
    priced(current, "v2", 0.25)
    after = current.view()

    assert [0.5, 0.75, 0.25] == [
        float(view.prices[0]) for view in (before, live, after) if view.prices is not None
    ]
    assert before.stamp == live.stamp  # prices never enter a cache key
