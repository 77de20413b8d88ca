"""A taste that is told in words is the same taste again, to the last bit."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain import Preferences, User
from service.errors import Invalid
from service.profile.history import fold
from service.recommend.ask import Listener
from service.recommend.parts import dense
from service.recommend.taste import Likes, likes_of, parts_of, taste_from, taste_of
from tests import worlds
from tests.service.given import catalogue, listen, track, view

KNOWN = catalogue(*worlds.tracks(), track("x", artist="Somebody else", genres=[]))
IDS = [one.id for one in worlds.tracks()] + ["x"]


@settings(deadline=None, max_examples=50)
@given(
    played=st.lists(st.sampled_from(IDS), max_size=20),
    wished=st.lists(st.sampled_from(["jazz", "metal", "nobody's genre"]), max_size=2, unique=True),
)
def test_what_travels_gives_the_same_scores(played: list[str], wished: list[str]) -> None:
    user = User(id="ada", preferences=Preferences(genres=tuple(wished)))
    history = fold([listen(one, minutes=-n) for n, one in enumerate(played)], KNOWN)
    taste = taste_of(view(KNOWN), Listener(user, history))

    sent = msgspec.json.encode(likes_of(taste, KNOWN))
    here, there = (
        parts_of(one, KNOWN)
        for one in (taste, taste_from(msgspec.json.decode(sent, type=Likes), KNOWN))
    )

    assert here.keys() == there.keys()
    for name, scores in here.items():
        np.testing.assert_array_equal(dense(scores, KNOWN.size), dense(there[name], KNOWN.size))


def test_names_that_no_track_carries_are_passed_over() -> None:
    taste = taste_from(Likes(artists={"nobody": 1.0}, genres={"jazz": 0.5}), KNOWN)

    assert not taste.artists.any()
    assert 0.5 == taste.genres.sum()
    assert ["genre"] == list(parts_of(taste, KNOWN))


@pytest.mark.parametrize(
    "likes",
    [
        Likes(artists={"a": 1e7}),
        Likes(genres={"a": -1e7}),
        Likes(target=[0.5] * 9),
        Likes(target=[0.5] * 8, weights=[1.0] * 8),
        Likes(target=[1e7] * 9, weights=[1.0] * 9),
    ],
)
def test_what_is_no_taste_is_refused(likes: Likes) -> None:
    with pytest.raises(Invalid):
        taste_from(likes, KNOWN)
