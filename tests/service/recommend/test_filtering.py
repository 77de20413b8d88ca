"""Which tracks may be on a list: every rule alone, then together."""

import pytest

from service.domain import Blocked, Mix, Preferences
from service.model.catalogue import empty_catalogue
from service.recommend.ask import Ask
from service.recommend.filtering import eligible
from tests.service.given import catalogue, ids, listen, listener, player_of, track, view

KNOWN = catalogue(
    track("a", artist="Ann", genres=("jazz",)),
    track("b", artist="Ann", genres=("jazz", "rock")),
    track("c", artist="Bob", genres=("rock",), explicit=True),
    track("d", artist="Cid"),
)


def allowed(somebody, **asked) -> str:
    """Ids of the tracks allowed, in one word."""
    flags = eligible(view(KNOWN), somebody, Ask(**asked))
    return "".join(ids(KNOWN, flags.nonzero()[0]))


def test_a_stranger_may_have_everything() -> None:
    assert "abcd" == allowed(listener(KNOWN))
    assert "abcd" == allowed(listener(KNOWN), mix="blend")


@pytest.mark.parametrize("mix, left", [("discover", "cd"), ("familiar", "ab"), ("blend", "abcd")])
def test_the_mix_decides_about_what_was_heard(mix, left) -> None:
    assert left == allowed(player_of(KNOWN, "a", "b"), mix=mix)


@pytest.mark.parametrize("mix, left", [("discover", "cd"), ("familiar", "b"), ("blend", "bcd")])
def test_what_was_skipped_is_neither_new_nor_familiar(mix, left) -> None:
    heard = listener(KNOWN, listen("a", action="skip"), listen("b"))

    assert left == allowed(heard, mix=mix)


@pytest.mark.parametrize("mix", ["discover", "familiar", "blend"])
def test_what_was_disliked_is_never_shown_however_often_it_was_played(mix) -> None:
    heard = listener(KNOWN, listen("a", action="dislike"), listen("a", plays=20), listen("b"))

    assert "a" not in allowed(heard, mix=mix)


def test_a_dislike_taken_back_is_none() -> None:
    heard = listener(KNOWN, listen("a", action="like"), listen("a", action="dislike"), listen("a"))

    assert "a" in allowed(heard, mix="familiar")


def test_excluded_tracks_are_left_out_and_unknown_ones_are_no_error() -> None:
    assert "bd" == allowed(listener(KNOWN), exclude=("a", "c", "nothing"))


@pytest.mark.parametrize(
    "blocked, left",
    [
        (Blocked(tracks=("a", "nothing")), "bcd"),
        (Blocked(artists=("ANN", "Nobody")), "cd"),
        (Blocked(genres=("Rock", "polka")), "ad"),
        (Blocked(artists=("ann",), genres=("rock",), tracks=("d",)), ""),
        (Blocked(artists=("Nobody",), genres=("polka",)), "abcd"),
    ],
)
def test_blocked_tracks_artists_and_genres_are_left_out(blocked, left) -> None:
    assert left == allowed(listener(KNOWN, blocked=blocked))


def test_whoever_wants_nothing_explicit_gets_nothing_explicit() -> None:
    assert "abd" == allowed(listener(KNOWN, preferences=Preferences(explicit=False)))


def test_rules_add_up() -> None:
    heard = player_of(
        KNOWN, "a", "b", blocked=Blocked(genres=("rock",)), preferences=Preferences(explicit=False)
    )

    assert "a" == allowed(heard, mix="familiar")
    assert "d" == allowed(heard, mix="discover")
    assert "" == allowed(heard, mix="familiar", exclude=("a",))


def test_genres_and_artists_that_came_after_the_view_are_no_error() -> None:
    old = catalogue(track("a"))
    old.with_tracks([track("b", artist="New", genres=("new",))])
    blocker = listener(old, blocked=Blocked(genres=("new",), artists=("New",), tracks=("b",)))

    assert [True] == eligible(view(old), blocker, Ask()).tolist()


def test_an_empty_catalogue_allows_nothing() -> None:
    empty = empty_catalogue()

    assert [] == eligible(view(empty), listener(empty), Ask()).tolist()


def test_another_recording_of_a_heard_work_is_no_news_but_may_be_heard_again() -> None:
    known = catalogue(
        track("a", title="One", artist="Ann"),
        track("b", title="One - 2011 Remaster", artist="ANN"),
        track("c", title="One", artist="Bob"),
        track("d", title="One", artist="Unknown"),
        track("e", title="One", artist="Unknown"),
    )

    def left(played: str, mix: Mix) -> str:
        flags = eligible(view(known), player_of(known, played), Ask(mix=mix))
        return "".join(ids(known, flags.nonzero()[0]))

    assert "cde" == left("a", "discover")
    assert "abcde" == left("a", "blend")
    assert "abce" == left("d", "discover")
