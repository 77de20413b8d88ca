"""What four strategies say about the tracks of a catalogue."""

import numpy as np
import pytest

from service.domain import Context, Features, Part, Preferences
from service.model.catalogue import empty_catalogue
from service.recommend import retrieval
from service.recommend.ask import Ask
from service.recommend.parts import dense
from tests.service.given import (
    catalogue,
    ids,
    latent,
    listen,
    listener,
    model,
    player_of,
    track,
    view,
)

KNOWN = catalogue()
MODEL = model(KNOWN)
VIEW = view(KNOWN, fitted=MODEL)
JAZZ_LOVER = player_of(KNOWN, "jazz01", "jazz02", "jazz03")


def collaborative(seen, somebody, ask) -> dict[Part, np.ndarray]:
    return written(retrieval.collaborative(seen, somebody, ask), seen)


def content(seen, somebody, ask) -> dict[Part, np.ndarray]:
    return written(retrieval.content(seen, somebody, ask), seen)


def context(seen, somebody, ask) -> dict[Part, np.ndarray]:
    return written(retrieval.context(seen, somebody, ask), seen)


def trending(seen, somebody, ask) -> dict[Part, np.ndarray]:
    return written(retrieval.trending(seen, somebody, ask), seen)


def written(parts, seen) -> dict[Part, np.ndarray]:
    return {name: dense(scores, seen.catalogue.size) for name, scores in parts.items()}


def best(scores: np.ndarray, count: int = 5) -> set[str]:
    ranked = np.argsort(-np.nan_to_num(scores, nan=-np.inf), kind="stable")
    return {name[:-2] for name in ids(KNOWN, ranked[:count])}


def test_collaborative_scores_what_people_who_play_the_same_play() -> None:
    parts = collaborative(VIEW, JAZZ_LOVER, Ask())

    assert {"collaborative"} == parts.keys()
    assert {"jazz"} == best(parts["collaborative"])
    assert 0 == parts["collaborative"][KNOWN.rows["metal01"]]


def test_every_latent_part_of_the_model_is_a_part_of_the_list() -> None:
    fitted = model(KNOWN, latent=latent(KNOWN.size))

    parts = collaborative(view(KNOWN, fitted=fitted), JAZZ_LOVER, Ask())

    assert ["collaborative", "spectral", "factors", "online"] == list(parts)
    assert all(np.isfinite(scores).any() for scores in parts.values())


@pytest.mark.parametrize("part", ["spectral", "factors", "online"])
def test_a_new_listen_changes_a_latent_part_without_a_fit(part: Part) -> None:
    seen = view(KNOWN, fitted=model(KNOWN, latent=latent(KNOWN.size)))
    after = player_of(KNOWN, "metal01", "jazz01", "jazz02", "jazz03")

    before, now = (collaborative(seen, fan, Ask())[part] for fan in (JAZZ_LOVER, after))

    assert (before != now).any()


def test_a_track_nobody_has_heard_is_found_by_content_and_by_no_latent_part() -> None:
    grown = catalogue().with_tracks(
        [track("new", artist=KNOWN.briefs[KNOWN.rows["jazz01"]].artist)]
    )
    seen = view(grown, fitted=model(KNOWN, latent=latent(KNOWN.size)))
    fan, new = player_of(grown, "jazz01"), grown.rows["new"]

    parts = collaborative(seen, fan, Ask())

    assert all(np.isnan(scores[new]) for scores in parts.values())
    assert content(seen, fan, Ask())["artist"][new] > 0


def test_a_dislike_counts_against_what_goes_with_it() -> None:
    fan = listener(KNOWN, listen("metal01", action="dislike"), listen("jazz01"))

    scores = collaborative(VIEW, fan, Ask())["collaborative"]

    assert scores[KNOWN.rows["jazz02"]] > 0 > scores[KNOWN.rows["metal02"]]


def test_collaborative_says_nothing_about_tracks_beyond_the_model_or_without_listeners() -> None:
    grown = catalogue().with_tracks([track("new")])
    counts = MODEL.listener_counts.copy()
    counts[KNOWN.rows["jazz05"]] = 0
    alone = view(grown, fitted=model(KNOWN, listener_counts=counts))

    scores = collaborative(alone, player_of(grown, "new", "jazz01"), Ask())["collaborative"]

    assert {"new", "jazz05"} == set(ids(grown, np.flatnonzero(np.isnan(scores))))


def test_collaborative_is_skipped_without_a_model_or_a_history_it_knows() -> None:
    grown = catalogue().with_tracks([track("new")])

    assert {} == collaborative(view(KNOWN), JAZZ_LOVER, Ask())
    assert {} == collaborative(VIEW, listener(KNOWN), Ask())
    assert {} == collaborative(view(grown, fitted=MODEL), player_of(grown, "new"), Ask())


def test_content_measures_artist_genre_and_audio_apart() -> None:
    parts = content(VIEW, JAZZ_LOVER, Ask())

    assert ["artist", "genre", "audio"] == list(parts)
    assert 1 / 3 == pytest.approx(parts["artist"][KNOWN.rows["jazz11"]])
    assert 0 == parts["artist"][KNOWN.rows["jazz04"]]
    assert (1.0, 0.0) == (
        parts["genre"][KNOWN.rows["jazz04"]],
        parts["genre"][KNOWN.rows["folk04"]],
    )
    assert {"jazz"} == best(parts["audio"], 20)


def test_wishes_count_like_listens() -> None:
    wisher = listener(KNOWN, preferences=Preferences(genres=("FOLK",), artists=("jazz artist 3",)))

    parts = content(VIEW, wisher, Ask())

    assert ["artist", "genre"] == list(parts)
    assert {"folk"} == best(parts["genre"], 20)
    assert ["jazz03", "jazz13"] == ids(KNOWN, np.flatnonzero(parts["artist"]))


def test_several_wishes_share_the_weight_of_one() -> None:
    wisher = listener(
        KNOWN,
        preferences=Preferences(genres=("folk", "metal"), artists=("jazz artist 3", "x", "y", "z")),
    )

    parts = content(VIEW, wisher, Ask())

    assert [0.5, 0.5] == [float(parts["genre"][KNOWN.rows[name]]) for name in ("folk01", "metal01")]
    assert 0.25 == parts["artist"].max()


def test_content_has_nothing_to_say_to_a_stranger_or_about_wishes_nobody_can_meet() -> None:
    unmet = listener(KNOWN, preferences=Preferences(genres=("polka",), artists=("Nobody",)))

    assert {} == content(VIEW, listener(KNOWN), Ask())
    assert {} == content(VIEW, unmet, Ask())


def test_a_track_without_features_has_no_audio_score() -> None:
    grown = catalogue().with_tracks([track("silent", features=Features(liveness=0.5))])

    audio = content(view(grown), player_of(grown, "jazz01"), Ask())["audio"]

    assert ["silent"] == ids(grown, np.flatnonzero(np.isnan(audio)))


def test_without_any_known_feature_there_is_no_audio_part() -> None:
    bare = catalogue(track("a", genres=("x",)), track("b"))

    assert ["artist", "genre"] == list(content(view(bare), player_of(bare, "a"), Ask()))


def test_tracks_without_an_artist_have_none_in_common() -> None:
    known = catalogue(track("a", artist="Unknown"), track("b", artist="Unknown"), track("c"))

    assert "artist" not in content(view(known), player_of(known, "a"), Ask())
    assert 0 == content(view(known), player_of(known, "a", "c"), Ask())["artist"][1]


def test_a_view_taken_before_new_genres_and_artists_came_still_answers() -> None:
    """The names of an edition must not grow under a request that holds it."""
    old = catalogue(track("a", genres=("g",)))
    old.with_tracks([track("b", artist="New", genres=("new",))])
    wisher = player_of(old, "a", preferences=Preferences(genres=("new",), artists=("New",)))

    assert [1.0] == content(view(old), wisher, Ask())["artist"].tolist()


def test_context_scores_what_fits_the_moment_and_is_skipped_without_one() -> None:
    workout = Ask(context=Context(activity="workout"))

    assert {"metal"} == best(context(VIEW, JAZZ_LOVER, workout)["context"])
    assert {} == context(VIEW, JAZZ_LOVER, Ask())
    assert {} == context(VIEW, listener(KNOWN), Ask(context=Context(device="car")))


def test_trending_is_the_same_for_everybody() -> None:
    played = view(KNOWN, plays=[0.0, 2.0])

    for who in (JAZZ_LOVER, listener(KNOWN)):
        assert 1 == trending(played, who, Ask())["trending"].argmax()
    assert {} == trending(view(empty_catalogue()), JAZZ_LOVER, Ask())
