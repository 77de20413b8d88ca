"""Segments: country, age band and taste, never too few listeners."""

from service.domain import Demographics
from service.recommend.segments import Segments, divide
from tests import worlds
from tests.service.given import catalogue, ids, model, track, view

KNOWN = catalogue()
FITTED = view(KNOWN, fitted=model(KNOWN))
YEAR = 2026


def divided(told=None, **more) -> Segments:
    segments = divide(FITTED, told or {}, year=YEAR, **more)
    assert segments is not None
    return segments


def tracks_of(segments: Segments, user_id: str) -> list[str]:
    rows = segments.rows(user_id)
    assert rows is not None
    return ids(KNOWN, rows)


def test_listeners_of_one_taste_are_one_segment_and_get_what_it_likes() -> None:
    segments = divided()

    assert 3 == len(segments.lists)
    for taste in worlds.TASTES:
        best = tracks_of(segments, f"{taste}-u0")
        assert all(one.startswith(taste) for one in best[:2])


def test_country_and_age_divide_where_enough_listeners_share_them() -> None:
    told = {f"jazz-u{n}": Demographics(country="PT", birth_year=1990) for n in range(10)}

    segments = divided(told, fewest=5)

    codes = {n: segments.codes[segments.ids.index(f"jazz-u{n}")] for n in range(15)}
    assert 4 == len(segments.lists)
    assert 1 == len({codes[n] for n in range(10)})
    assert codes[0] != codes[12]


def test_too_few_of_a_country_are_not_told_apart() -> None:
    told = {f"jazz-u{n}": Demographics(country="PT") for n in range(4)}

    segments = divided(told, fewest=5)

    assert (
        segments.rows("jazz-u0") is None
    )  # four are too few, and the others have a list of theirs
    assert segments.rows("jazz-u9") is not None


def test_who_is_not_in_the_model_is_in_no_segment() -> None:
    assert divided().rows("stranger") is None
    assert divide(view(KNOWN), {}, year=YEAR) is None


def test_nothing_explicit_is_listed() -> None:
    best = tracks_of(divided(), "jazz-u0")

    assert best
    assert "jazz19" not in best


def test_a_model_of_tracks_without_genres_has_no_tastes() -> None:
    plain = catalogue(track("a"), track("b"))
    segments = divide(view(plain, fitted=model(plain, [])), {}, year=YEAR)

    assert segments is not None
    assert [] == segments.lists
