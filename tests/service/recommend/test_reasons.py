"""A reason on every track, and a true one."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain import Context, Features, Part, Preferences, Reason
from service.recommend.ask import Ask
from service.recommend.parts import Parts
from service.recommend.reasons import explain
from service.recommend.retrieval import STRATEGIES
from service.recommend.scoring import Total, total_of, weights_for
from tests.service.given import catalogue, listen, listener, model, player_of, track, view

KNOWN = catalogue()
VIEW = view(KNOWN, fitted=model(KNOWN), plays=[5.0])
FAN = player_of(KNOWN, "jazz01", "jazz02")


def reason(part: Part, track_id: str, somebody=FAN, seen=VIEW, **asked) -> Reason:
    """Why this track, when `part` alone speaks for it."""
    row = seen.catalogue.rows[track_id]
    scores = np.zeros(seen.catalogue.size, np.float32)
    scores[row] = 1
    total = summed({part: scores}, seen)
    return explain(seen, somebody, Ask(**asked), total, np.array([row], np.int32))[0]


def summed(parts: Parts, seen=VIEW) -> Total:
    return total_of(parts, weights_for(parts, seen.model), seen.catalogue.features_by_row)


def test_collaborative_names_the_tracks_it_comes_from() -> None:
    told = reason("collaborative", "jazz05")

    assert "collaborative" == told.stage
    assert {"jazz01", "jazz02"} == set(told.seeds)
    assert told.text.startswith("Because you play “Jazz Song ")
    assert " by Jazz Artist 1" in told.text


def test_the_track_that_did_most_is_named_first() -> None:
    """Both go with x equally often; one was played to the end, the other was not."""
    known = catalogue(*(track(name) for name in "abx"))
    together = [listen(name, user_id=f"u{n}") for n in range(3) for name in "abx"]
    seen = view(known, fitted=model(known, together))
    for half, whole in (("a", "b"), ("b", "a")):
        somebody = listener(known, listen(half, ms_played=50_000), listen(whole))

        assert (whole, half) == reason("collaborative", "x", somebody, seen).seeds


def test_what_was_disliked_is_no_reason() -> None:
    mixed = listener(KNOWN, listen("jazz02", action="dislike"), listen("jazz01"))

    assert ("jazz01",) == reason("collaborative", "jazz05", mixed).seeds


def test_the_same_artist_is_said_with_what_was_played_of_them() -> None:
    told = reason("artist", "jazz11")

    assert ("content", "More by Jazz Artist 1", ("jazz01",)) == (told.stage, told.text, told.seeds)


def test_a_wish_for_an_artist_is_said_to_be_one() -> None:
    wisher = listener(KNOWN, preferences=Preferences(artists=("Jazz Artist 4",)))

    assert "You asked for Jazz Artist 4" == reason("artist", "jazz04", wisher).text


def test_genres_are_what_is_played_or_what_was_asked_for() -> None:
    wisher = player_of(KNOWN, "jazz01", preferences=Preferences(genres=("FOLK",)))

    assert "More of what you play: jazz" == reason("genre", "jazz05").text
    assert "You asked for folk" == reason("genre", "folk05", wisher).text


def test_of_two_genres_the_one_played_more_is_named() -> None:
    known = catalogue(
        track("a", genres=("x", "y")), track("b", genres=("y",)), track("c", genres=("x", "y"))
    )

    told = reason("genre", "c", player_of(known, "a", "b"), view(known))

    assert "More of what you play: y" == told.text


def test_of_two_genres_the_one_asked_for_is_named() -> None:
    known = catalogue(track("a", genres=("x",)), track("b", genres=("x", "y")))
    wisher = player_of(known, "a", preferences=Preferences(genres=("y",)))

    assert "You asked for y" == reason("genre", "b", wisher, view(known)).text


def test_sound_names_the_features_that_agree_best() -> None:
    told = reason("audio", "jazz05")

    assert "Sounds like what you play: similar energy and danceability" == told.text
    assert ("energy", "danceability") == told.features


@pytest.mark.parametrize(
    "context, text",
    [
        (Context(activity="workout"), "Fits workout"),
        (Context(mood="sad", activity="study"), "Fits sad study"),
        (Context(daypart="morning", weekend=False), "Fits morning"),
        (Context(daypart="night", weekend=True, mood="calm"), "Fits calm weekend night"),
        (Context(device="car"), "Fits your car"),
    ],
)
def test_context_names_the_occasion(context, text) -> None:
    told = reason("context", "metal05", context=context)

    assert "context" == told.stage
    assert text == told.text.partition(":")[0]


def test_context_names_the_features_that_fit() -> None:
    told = reason("context", "metal05", context=Context(mood="energetic"))

    assert "energy" == told.features[0]
    assert "Fits energetic: similar energy and valence" == told.text


def test_trending_says_that_many_play_it() -> None:
    assert Reason(stage="trending", text="Many people are playing it") == reason(
        "trending", "jazz00"
    )


def test_the_part_that_added_most_is_named() -> None:
    one, other = KNOWN.rows["jazz11"], KNOWN.rows["jazz06"]
    artist, audio = np.zeros((2, KNOWN.size), np.float32)
    artist[one], audio[other] = 1, 1

    total = summed({"artist": artist, "audio": audio})
    told = explain(VIEW, FAN, Ask(), total, np.array([other, one], np.int32))

    assert ["Sounds", "More"] == [reason.text.split()[0] for reason in told]


@pytest.mark.parametrize(
    "part, words",
    [("spectral", "taste as a whole"), ("factors", "taste like yours"), ("online", "played last")],
)
def test_a_latent_part_thanks_no_single_track(part, words) -> None:
    total = summed({part: np.ones(KNOWN.size, np.float32)})
    told = explain(VIEW, FAN, Ask(), total, np.zeros(1, np.int32))

    assert [("collaborative", ())] == [(one.stage, one.seeds) for one in told]
    assert words in told[0].text


@pytest.mark.parametrize(
    "part",
    ["collaborative", "spectral", "factors", "online", "artist", "genre", "audio", "trending"],
)
@pytest.mark.parametrize("nothing", [0.0, np.nan])
def test_a_part_that_found_nothing_is_never_the_reason(part, nothing) -> None:
    """At the end of a long list every part lowers the score: the least bad one is no reason."""
    known = catalogue(track("bare"), track("a", genres=("x",), features=Features(energy=0.5)))
    scores = np.array([nothing, 1], np.float32)

    total = summed({part: scores}, view(known))
    told = explain(view(known), player_of(known, "a"), Ask(), total, np.zeros(1, np.int32))

    assert ["Something else to try"] == [one.text for one in told]
    assert told[0].stage in STRATEGIES


@given(
    heard=st.lists(st.sampled_from([brief.id for brief in KNOWN.briefs]), max_size=6, unique=True),
    wishes=st.sampled_from(
        [Preferences(), Preferences(genres=("folk",)), Preferences(artists=("X",))]
    ),
    context=st.sampled_from([Context(), Context(mood="happy"), Context(device="car")]),
)
def test_every_track_of_the_catalogue_has_a_reason_whose_seeds_were_heard(
    heard, wishes, context
) -> None:
    somebody, asked = player_of(KNOWN, *heard, preferences=wishes), Ask(context=context)
    parts: Parts = {}
    for strategy in STRATEGIES.values():
        parts |= strategy(VIEW, somebody, asked)

    told = explain(VIEW, somebody, asked, summed(parts), np.arange(KNOWN.size, dtype=np.int32))

    assert KNOWN.size == len(told)
    assert all(one.text and set(one.seeds) <= set(heard) for one in told)
    assert told == msgspec.json.decode(msgspec.json.encode(told), type=list[Reason])
