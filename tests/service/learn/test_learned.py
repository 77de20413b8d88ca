"""What online learning makes of events: each once, the same bits however they are cut."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.bus import ExposureLogged
from service.domain import Listen, ShownList
from service.learn.learned import Learned
from service.learn.photograph import restored, taken
from service.model.version import Prices
from tests import worlds
from tests.service import given as make
from tests.service.given import NOON

pytestmark = pytest.mark.usefixtures("one_is_enough")
CATALOGUE = make.catalogue()
SIZE = CATALOGUE.size
MODEL = make.model(
    CATALOGUE,
    latent=make.latent(SIZE, 4),
    prices=Prices(values=np.zeros(SIZE, np.float32), shares=np.ones(SIZE)),
)
TRACKS = [one.id for one in worlds.tracks()]
LISTENS = st.lists(
    st.builds(
        Listen,
        user_id=st.sampled_from(["jazz-u0", "new", "newer"]),
        track_id=st.sampled_from(TRACKS),
        id=st.integers(0, 20).map(str),
        at=st.integers(0, 99).map(lambda hours: NOON + timedelta(hours=hours)),
        action=st.sampled_from(["play", "skip", "like", "dislike"]),
    ),
    max_size=30,
)


def fresh(*, recent: int = 100) -> Learned:
    learned = Learned(NOON, recent=recent)
    learned.rebase(MODEL)
    return learned


def state(learned: Learned) -> dict[str, bytes]:
    """Every bit of it, but for what the guard takes for usual, which depends on when it looks."""
    return {name: array.tobytes() for name, array in taken(learned)[0].items()}


def shown(list_id: str, *track_ids: str, batch: str = "", times: int = 1) -> ExposureLogged:
    made = [ShownList("u1", list_id, list(track_ids), [1.0] * len(track_ids))] if track_ids else []
    return ExposureLogged(NOON, {list_id: times}, {}, {}, made, batch or f"{list_id}{times}")


def test_a_listen_counts_once_however_often_it_comes() -> None:
    once, often = fresh(), fresh()
    listens = [make.listen("jazz00", plays=3), make.listen("jazz01")]

    once.hear(listens, CATALOGUE)
    often.hear([*listens, *listens], CATALOGUE)
    often.hear(listens[::-1], CATALOGUE)

    assert state(once) == state(often)
    assert [2.0, 1.0] == once.trending.counts(NOON, SIZE)[:2].tolist()


def test_the_same_id_of_another_user_is_another_listen() -> None:
    learned = fresh()
    learned.hear(
        [make.listen("jazz00", id="x"), make.listen("jazz00", id="x", user_id="u2")], CATALOGUE
    )

    assert 2.0 == learned.trending.counts(NOON, SIZE)[0]


@settings(max_examples=60)
@given(LISTENS, st.integers(0, 30), st.integers(0, 30))
def test_any_batches_in_one_order_give_the_same_bits(listens, one, other) -> None:
    at_once, cut = fresh(), fresh()
    first, second = sorted((one, other))

    at_once.hear(listens, CATALOGUE)
    for part in (listens[:first], listens[first:second], listens[second:]):
        cut.hear(part, CATALOGUE)

    assert state(at_once) == state(cut)


@settings(max_examples=60)
@given(LISTENS, st.integers(0, 30))
def test_a_restart_anywhere_changes_nothing(listens, stop) -> None:
    """The photograph and a replay of everything, or only of the rest, end in the same state."""
    through = fresh()
    through.hear(listens, CATALOGUE)
    before = fresh()
    before.hear(listens[:stop], CATALOGUE)
    arrays, about = taken(before)
    for replayed in (listens, listens[stop:]):
        copies = {name: array.copy() for name, array in arrays.items()}
        again = restored(copies, about, place="1-1", mark="7", recent=100)
        again.hear(replayed, CATALOGUE)

        assert state(through) == state(again)
        assert ("1-1", "7", "v1") == (again.place, again.mark, again.version)


def test_only_plays_likes_and_saves_with_a_time_that_came_in_time_trend() -> None:
    learned = fresh()
    listens = [
        make.listen("jazz00", plays=3),
        make.listen("jazz00", action="like", id="1", user_id="u2"),
        make.listen("jazz00", action="skip", id="2"),
        make.listen("jazz00", timed=False, id="3"),
        make.listen("jazz00", flag="late", id="4"),
        make.listen("jazz01", action="save"),
        make.listen("gone"),
        make.listen("jazz00", user_id="~probe"),
    ]

    learned.hear(listens, CATALOGUE)

    assert [3.0, 1.0] == learned.trending.counts(NOON, SIZE)[:2].tolist()


def test_who_plays_more_of_a_taste_moves_towards_it() -> None:
    """A listener nobody knows ends nearer to what they play than to what they do not."""
    learned = fresh()
    jazz = [row for row, one in enumerate(TRACKS) if one.startswith("jazz")]
    for number in range(200):
        listen = make.listen(TRACKS[jazz[number % 20]], user_id="new", id=str(number))
        learned.hear([listen], CATALOGUE)

    factors = learned.factors
    assert factors is not None
    scores = factors.tracks @ factors.users[learned.rows - 1] + factors.track_biases
    rest = np.setdiff1d(np.arange(SIZE), jazz)
    assert scores[jazz].mean() > scores[rest].mean()


def test_a_track_that_is_new_is_learned_from_zero() -> None:
    learned = fresh()
    grown = CATALOGUE.with_tracks([make.track("new")])

    learned.hear([make.listen("new")], grown)

    assert learned.factors is not None
    assert SIZE + 1 == len(learned.factors.tracks)
    assert learned.factors.track_biases[SIZE] > 0


def test_nothing_is_left_of_an_erased_user() -> None:
    learned = fresh()
    learned.hear([make.listen("jazz00", user_id="gone", id="1")], CATALOGUE)
    assert learned.factors is not None
    row = learned.rows - 1
    assert learned.factors.users[row].any()

    learned.forget("gone")
    learned.forget("nobody")

    assert not learned.factors.users[row].any()
    assert not learned.factors.user_biases[row]
    assert 0 == len(learned.recent)
    assert not learned.allowance.played
    assert not learned.allowance.waiting
    played = learned.hear([make.listen("jazz00", user_id="gone", id="1")], CATALOGUE)
    assert [0] == played.rows.tolist()  # back again, and no duplicate


def test_an_old_state_forgets_whoever_was_erased_since() -> None:
    learned, other = fresh(), fresh()
    stays = make.listen("jazz00", user_id="stays", id="1")
    learned.hear([make.listen("jazz00", user_id="gone", id="1"), stays], CATALOGUE)
    other.hear([stays], CATALOGUE)
    everybody = set(learned.users)
    learned.keep_only(set(other.users))

    assert everybody > learned.users.keys() == other.users.keys()
    assert 1 == len(learned.recent)
    assert learned.allowance.played == other.allowance.played
    assert learned.allowance.waiting == other.allowance.waiting


def test_a_batch_of_showings_moves_prices_once() -> None:
    learned = fresh()
    fact = shown("list", "jazz00", "jazz01", times=50)

    learned.learn_prices(fact, CATALOGUE, MODEL)
    first = learned.prices
    learned.learn_prices(fact, CATALOGUE, MODEL)

    assert first is learned.prices
    assert first is not None
    assert first[0] > first[2]


def test_a_list_that_is_shown_again_means_the_same_tracks() -> None:
    learned = fresh()
    learned.learn_prices(shown("list", "jazz00"), CATALOGUE, MODEL)
    assert learned.prices is not None
    before = learned.prices[0]

    learned.learn_prices(shown("list", times=30), CATALOGUE, MODEL)
    learned.learn_prices(shown("nobody told of it", times=30), CATALOGUE, MODEL)

    assert learned.prices[0] > before


@pytest.mark.parametrize("fitted", [None, make.model(CATALOGUE)])
def test_without_factors_or_prices_the_rest_is_learned(fitted) -> None:
    learned = Learned(NOON, recent=10)
    learned.rebase(fitted)

    learned.hear([make.listen("jazz00")], CATALOGUE)
    learned.learn_prices(shown("list", "jazz00"), CATALOGUE, MODEL)

    assert (None, None) == (learned.factors, learned.prices)
    assert 1.0 == learned.trending.counts(NOON, SIZE)[0]


def test_a_new_model_is_gone_on_from() -> None:
    learned = fresh()
    learned.hear([make.listen("jazz00")], CATALOGUE)
    learned.guard.stopped = True

    learned.rebase(MODEL)

    assert learned.factors is not None
    assert MODEL.latent.online is not None
    np.testing.assert_array_equal(MODEL.latent.online.tracks, learned.factors.tracks)
    assert not learned.guard.stopped
    assert 1.0 == learned.trending.counts(NOON, SIZE)[0]  # that stays
