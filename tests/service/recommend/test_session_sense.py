"""Skips, repeats and flow through the whole pipeline, each with its control."""

from datetime import timedelta

import pytest

from service.domain import Features
from service.profile.history import fold
from service.recommend.ask import Ask, Listener
from service.recommend.pipeline import Ranking, rank
from tests.service.given import NOON, catalogue, listen, listener, model, track, view

KNOWN = catalogue(
    *(
        track(
            f"{genre}{n}",
            artist=f"{genre} artist {n % 6}",
            genres=(genre,),
            features=Features(energy=0.9 if genre == "metal" else 0.2, tempo=100 + 9 * (n % 2)),
        )
        for genre in ("jazz", "metal")
        for n in range(12)
    )
)
VIEW = view(KNOWN, fitted=model(KNOWN, []), plays=[1] * 24)
PLAYED = [listen("jazz0", minutes=-300), listen("metal0", minutes=-301)]  # likes both alike


async def ranked(*listens, minutes: float = 0, **asked) -> Ranking:
    history = fold([*listens, *PLAYED], KNOWN)
    somebody = Listener(listener(KNOWN).user, history, NOON + timedelta(minutes=minutes))
    return await rank(VIEW, somebody, Ask(**({"limit": 24} | asked)), timeout_s=5)


async def listed(*listens, **asked) -> list[str]:
    return [one.track.id for one in (await ranked(*listens, **asked)).recommendations]


async def lead(*listens, **asked) -> float:
    """By how much metal2 scores above jazz2: neither is heard, nor of a skipped artist."""
    ranking = await ranked(*listens, **asked)
    scores = {one.track.id: one.score for one in ranking.recommendations}
    return scores["metal2"] - scores["jazz2"]


SKIPS = [listen(f"metal{n}", action="skip", minutes=-n) for n in (3, 6, 9)]


async def test_one_skip_moves_its_genre_down_in_the_very_next_list() -> None:
    """The control is the same skip a session ago."""
    steered, control = await lead(SKIPS[0]), await lead(SKIPS[0], minutes=31)

    assert steered < control


async def test_a_track_skipped_now_is_not_on_the_next_list() -> None:
    assert "metal3" in await listed()
    assert "metal3" not in await listed(SKIPS[0])


async def test_several_skips_steer_further_and_fade() -> None:
    control = await lead(*SKIPS, minutes=31)

    assert control - await lead(*SKIPS) > await lead(SKIPS[0], minutes=31) - await lead(SKIPS[0])
    assert await lead(*SKIPS) < await lead(*SKIPS, minutes=26) < control


async def test_a_skip_lowers_its_artist_among_the_others_of_the_genre() -> None:
    """metal2 is by the artist of metal8; metal4 is not."""
    skipped = await listed(listen("metal8", action="skip"))
    control = await listed(listen("metal8", action="skip"), minutes=31)

    assert control.index("metal2") < control.index("metal4")
    assert skipped.index("metal2") > skipped.index("metal4")


@pytest.mark.parametrize("mix", ["familiar", "blend"])
async def test_what_was_just_played_waits_and_comes_back(mix) -> None:
    again = [listen("jazz0", plays=3)]

    now = await listed(*again, mix=mix)
    later = await listed(*again, mix=mix, minutes=24 * 60)

    assert now.index("metal0") < now.index("jazz0")
    assert later.index("jazz0") < later.index("metal0")


async def test_discover_never_shows_what_was_heard_and_familiar_nothing_else() -> None:
    assert not {"jazz0", "metal0"} & set(await listed())
    assert {"jazz0", "metal0"} == set(await listed(mix="familiar"))


async def test_flow_orders_the_same_tracks() -> None:
    plain, flowing = await listed(limit=12), await listed(limit=12, flow=True)

    assert sorted(plain) == sorted(flowing)
    assert plain[0] == flowing[0]
    assert plain != flowing
