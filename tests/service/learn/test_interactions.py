"""All listens as one matrix: what a fit starts from."""

from collections.abc import AsyncIterator
from functools import partial

import anyio
from hypothesis import given as holds_for
from hypothesis import strategies as st

from service.domain import Listen
from service.learn.interactions import Interactions, read_interactions
from service.store.memory import MemoryStore
from tests import worlds
from tests.service.given import NOON, catalogue, listen, track

KNOWN = catalogue(track("a", duration_ms=200_000), track("b"), track("c"))


async def read(*listens: Listen, batch: int = 2, guarded: bool = True) -> Interactions:
    async def batches() -> AsyncIterator[list[Listen]]:
        for start in range(0, len(listens), batch):
            yield list(listens[start : start + batch])

    return await read_interactions(batches(), KNOWN, guarded=guarded)


async def test_strengths_add_up_across_batches_and_are_clipped_to_one() -> None:
    found = await read(
        listen("a", ms_played=50_000),
        listen("b", plays=5),
        listen("a", ms_played=25_000),
        listen("c", user_id="u2"),
    )

    assert ["u1", "u2"] == found.users
    assert [[0.75, 1, 0], [0, 0, 1]] == found.matrix.toarray().tolist()


async def test_what_is_left_at_or_below_nothing_is_dropped() -> None:
    heard = [listen("a"), listen("a", action="dislike"), listen("b", action="skip"), listen("c")]

    found = await read(*heard)

    assert 1 == found.matrix.nnz
    assert [[0, 0, 1]] == found.matrix.toarray().tolist()


async def test_tracks_outside_the_catalogue_and_users_of_nothing_else_are_left_out() -> None:
    found = await read(listen("gone", user_id="u0"), listen("a"))

    assert ["u1"] == found.users
    assert (1, 3) == found.matrix.shape


async def test_nothing_heard_is_an_empty_matrix() -> None:
    found = await read()

    assert ([], (0, 3), 0) == (found.users, found.matrix.shape, found.matrix.nnz)


async def test_the_matrix_is_what_the_kernels_ask_for() -> None:
    store = MemoryStore()
    await store.append([*worlds.listens()])

    matrix = (await read_interactions(store.listens(batch=7), catalogue())).matrix

    assert ("float32", True) == (str(matrix.dtype), bool(matrix.has_sorted_indices))
    assert (45, 60) == matrix.shape
    assert {1.0} == set(matrix.data.tolist())


async def test_a_dislike_outweighs_all_plays_before_it_and_none_after() -> None:
    """As in `history.fold`: serving and training agree about who likes what."""
    played = [listen(one, plays=9, minutes=1) for one in "abc"]
    verdicts = [listen(one, action="dislike", minutes=3) for one in "abc"]
    again = [listen("b", plays=2, minutes=5), listen("c", action="like", minutes=5)]

    found = await read(*played, *verdicts, *again)

    assert [[0, 1, 1]] == found.matrix.toarray().tolist()


async def test_a_pair_is_as_old_as_its_first_listen_or_of_no_time() -> None:
    found = await read(
        listen("c", user_id="u2", minutes=9),
        listen("a", minutes=5),
        listen("a", minutes=2),
        listen("b", action="dislike"),
        listen("a", user_id="u2", minutes=1),
        listen("a", user_id="u2", minutes=3, timed=False),
    )

    assert ["u2", "u1"] == found.users
    assert [[1, 0, 1], [1, 0, 0]] == found.matrix.toarray().tolist()
    noon = NOON.timestamp()
    assert found.first is not None
    assert [-1, noon + 9 * 60, noon + 2 * 60] == found.first.tolist()


async def test_what_was_only_touched_is_in_nobodys_row() -> None:
    found = await read(listen("a", ms_played=20_000), listen("b", ms_played=105_000))

    assert [[0, 1, 0]] == found.matrix.toarray().tolist()


async def test_a_loop_is_one_listener() -> None:
    once = await read(listen("a"))
    loop = await read(*(listen("a", minutes=n / 10, plays=10) for n in range(1_000)))

    assert once.matrix.toarray().tolist() == loop.matrix.toarray().tolist()


async def test_accounts_of_less_than_a_week_cannot_make_a_track() -> None:
    week = 7 * 24 * 60
    known = [listen("a", user_id=f"k{n}", minutes=m) for n in range(50) for m in (0, week)]
    loved = [listen("b", user_id="k49", minutes=week)]
    days = (0, week - 1)
    new = [listen(one, user_id=f"x{n}", minutes=m) for n in range(5) for one in "ab" for m in days]

    found = await read(*known, *loved, *new)
    believing = await read(*known, *loved, *new, guarded=False)

    assert [55, 1, 0] == (found.matrix > 0).sum(axis=0).tolist()
    assert [55, 6, 0] == (believing.matrix > 0).sum(axis=0).tolist()


UNTIMED = st.lists(
    st.tuples(
        st.sampled_from(["u1", "u2", "u3"]),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["play", "like", "skip", "dislike"]),
        st.integers(1, 100_000),
    ),
    max_size=60,
)


@holds_for(UNTIMED)
def test_counts_without_times_are_fitted_as_they_came(counts) -> None:
    """Whoever imports play counts, as all public data sets are, notices no guard."""
    listens = [
        listen(track, minutes=n, user_id=user, action=action, plays=plays, timed=False)
        for n, (user, track, action, plays) in enumerate(sorted(counts))
    ]
    guarded, believing = (anyio.run(partial(read, *listens, guarded=g)) for g in (True, False))

    assert guarded.users == believing.users
    assert guarded.matrix.toarray().tolist() == believing.matrix.toarray().tolist()
