"""Lists from seeds: known answers in the small world, bounds that hold, wishes that pull."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from service.model.current import Current
from service.recommend.seeded import SeededLists, Seeds, listener_of, towards
from tests.service import given as made

LISTS = SeededLists(Current(), timeout_s=10.0)


async def listed(view, seeds: Seeds, **more) -> list[str]:
    found = await LISTS.of(view, seeds, **{"limit": 10, **more})
    return [view.catalogue.briefs[row].id for row in found.rows]


@pytest.fixture(scope="module")
def view():
    known = made.catalogue()
    return made.view(known, fitted=made.model(known))


async def test_every_kind_of_seed_finds_its_taste(view) -> None:
    catalogue = view.catalogue
    for seeds in (
        Seeds(rows=(catalogue.rows["folk03"],)),
        Seeds(artists=(int(catalogue.artists[catalogue.rows["folk03"]]),)),
        Seeds(genres=("folk",)),
    ):
        found = await listed(view, seeds)

        assert 10 == len(found) == len(set(found))
        assert {"folk"} == {track_id[:-2] for track_id in found}
        assert found == await listed(view, seeds)


async def test_seeds_are_no_answer(view) -> None:
    rows = tuple(view.catalogue.rows[f"jazz{number:02}"] for number in range(5))

    assert not {f"jazz{number:02}" for number in range(5)} & set(
        await listed(view, Seeds(rows=rows), limit=100)
    )


async def test_only_what_is_within_is_listed_and_counted(view) -> None:
    within = np.zeros(view.catalogue.size, np.bool_)
    within[[view.catalogue.rows[one] for one in ("metal01", "jazz02", "folk03")]] = True
    seeds = Seeds(rows=(view.catalogue.rows["jazz02"],))
    found = await LISTS.of(view, seeds, limit=10, within=within)

    assert {"metal01", "folk03"} == {view.catalogue.briefs[row].id for row in found.rows}
    assert (view.catalogue.size - 1, 2) == (found.pool, found.left)
    nothing = await LISTS.of(view, seeds, limit=10, within=np.zeros_like(within))
    assert (0, 0) == (len(nothing.rows), nothing.left)


async def test_a_wish_pulls_the_list_towards_it(view) -> None:
    number = np.array([int(brief.id[-2:]) for brief in view.catalogue.briefs], np.float32)
    seeds = Seeds(genres=("jazz",))
    low = await listed(view, seeds, distance=lambda rows: number[rows])
    high = await listed(view, seeds, distance=lambda rows: -number[rows])

    assert max(int(one[-2:]) for one in low) < min(int(one[-2:]) for one in high)


def test_a_seed_counts_as_much_as_another(view) -> None:
    catalogue = view.catalogue
    artist = int(catalogue.artists[catalogue.rows["folk03"]])
    seeds = Seeds(rows=(catalogue.rows["jazz00"],), artists=(artist,))
    history = listener_of(seeds, view).history
    by_id = dict(
        zip((catalogue.briefs[row].id for row in history.rows), history.strengths, strict=True)
    )

    assert {"jazz00": 1.0, "folk03": 0.5, "folk13": 0.5} == by_id


@given(arrays(np.float32, 8, elements=st.floats(-5, 5, width=32)), st.permutations(range(8)))
def test_of_equally_relevant_tracks_the_nearer_comes_first(scores, order) -> None:
    distance = np.array(order, np.float32)
    equal = towards(np.full(8, scores[0], np.float32), distance)

    assert sorted(order) == [order[place] for place in equal]
    assert sorted(range(8)) == sorted(towards(scores, distance))


def test_who_cannot_be_judged_is_as_far_as_the_average() -> None:
    places = towards(np.zeros(3, np.float32), np.array([1, np.nan, 0], np.float32))

    assert [2, 1, 0] == places.tolist()
