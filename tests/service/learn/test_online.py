"""The one that learns, over real adapters: nothing is lost and nothing counts twice."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from service.bus import START, ListenStored, ModelPublished, TrackChanged, UserUpdated
from service.learn import online as module
from service.learn.allowance import Allowance
from service.learn.learned import Learned
from service.model.version import BlendWeights
from tests import worlds
from tests.service import given as make
from tests.service.given import NOON
from tests.service.learn.learning import Process, bits, fitted, jazz, until

pytestmark = pytest.mark.usefixtures("one_is_enough")


@pytest.fixture
def process(tmp_path: Path) -> Process:
    return Process(tmp_path)


async def test_what_is_published_is_learned_and_served(process: Process, monkeypatch) -> None:
    monkeypatch.setattr(module, "SERVE_S", 0.01)
    process.following.watch()
    await until(lambda: process.learner.learned.version is not None)
    await process.heard(jazz(1), jazz(2, track=1))
    await process.heard(jazz(1), jazz(3))

    await until(lambda: process.plays() == [2.0, 1.0, 0.0])
    factors = process.current.factors
    assert factors is not None
    model = process.current.model
    assert model is not None
    assert model.latent.online is not None
    assert not np.array_equal(model.latent.online.tracks, factors.online.tracks)
    assert process.current.view().online is factors.online
    await process.following.close()


async def test_listens_that_come_one_by_one_are_learned_together(
    process: Process, monkeypatch
) -> None:
    turns, hear = list[int](), process.learner.hear

    async def counted(entries):
        turns.append(len(entries))
        return await hear(entries)

    monkeypatch.setattr(process.learner, "hear", counted)
    process.following.watch()
    await until(lambda: process.learner.learned.version is not None)
    for number in range(100):
        await process.heard(jazz(number))
        await asyncio.sleep(0.003)
    await until(lambda: sum(turns) == 100)

    assert len(turns) < 20
    await process.following.close()


async def test_a_restart_loses_nothing_and_counts_nothing_twice(
    process: Process, tmp_path: Path
) -> None:
    """Whether or not the last events are in the snapshot, and whatever is published again."""
    await process.learner.begin()
    await process.heard(jazz(1), jazz(2))
    await process.catch_up()
    await process.learner.save()
    await process.heard(jazz(3))
    through = await process.catch_up()
    await process.heard(jazz(3), jazz(1))

    again = Process(tmp_path, store=process.store, stream=process.stream)
    await again.learner.begin()

    assert [3.0, 0.0, 0.0] == again.plays()
    assert bits(through) == bits(again.learner.learned)


async def test_the_store_is_the_log_where_the_stream_ends_with_its_process(tmp_path: Path) -> None:
    process = Process(tmp_path, outlives=False)
    await process.learner.begin()
    await process.heard(jazz(1))
    await process.catch_up()
    await process.learner.save()
    await process.heard(jazz(2))  # and nobody hears it any more

    again = Process(tmp_path, store=process.store, outlives=False)
    await again.learner.begin()

    assert [2.0, 0.0, 0.0] == again.plays()


async def test_a_listen_whose_publisher_died_is_read_from_the_store(process: Process) -> None:
    await process.learner.begin()
    await process.heard(jazz(1), told=False)
    await process.heard(jazz(2))
    await process.catch_up()

    for _ in range(2):
        await process.learner.sweep()

    assert 2.0 == process.learner.learned.trending.counts(NOON, 1)[0]


async def test_a_look_reads_at_once_what_another_process_imported(
    process: Process, monkeypatch
) -> None:
    monkeypatch.setattr(module, "SERVE_S", 0.01)
    process.following.watch()
    await until(lambda: process.learner.learned.version is not None)
    await process.heard(jazz(1), told=False)
    process.following.look()

    await until(lambda: process.plays() == [1.0, 0.0, 0.0])
    await process.following.close()


async def test_whoever_begins_with_nothing_counts_what_is_there_once(process: Process) -> None:
    """Stored and published before: the store counts it, the stream does not count it again."""
    await process.heard(jazz(1), jazz(2))

    await process.learner.begin()
    await process.heard(jazz(2), jazz(3))
    await process.catch_up()

    assert 3.0 == process.learner.learned.trending.counts(NOON, 1)[0]


async def test_events_are_kept_until_a_snapshot_has_them(process: Process) -> None:
    await process.learner.begin()
    await process.heard(jazz(1))
    await process.catch_up()
    await process.stream.trim()
    assert 1 == len(await process.stream.read(START, limit=9))

    await process.learner.save()

    assert [] == await process.stream.read(START, limit=9)


async def test_a_stream_that_ends_with_its_process_is_let_go_at_once(tmp_path: Path) -> None:
    process = Process(tmp_path, outlives=False)
    await process.learner.begin()
    await process.heard(jazz(1))
    await process.catch_up()
    await process.stream.trim()

    assert [] == await process.stream.read(START, limit=9)


async def test_an_erased_user_is_forgotten_where_it_was_said(process: Process) -> None:
    await process.learner.begin()
    await process.heard(jazz(1, user="new"))
    await process.stream.publish([UserUpdated("new", 3), UserUpdated("new", None)])
    learned = await process.catch_up()

    assert 0 == len(learned.recent)
    await process.heard(jazz(1, user="new"))
    await process.catch_up()
    assert 1 == len(learned.recent)


async def test_a_track_of_another_process_is_looked_up_before_its_listen_counts(
    process: Process,
) -> None:
    await process.learner.begin()
    added = make.track("new")
    await process.store.put_tracks([*worlds.tracks(), added])
    await process.stream.publish([TrackChanged([added])])
    await process.heard(make.listen("new"))

    learned = await process.catch_up()

    assert process.current.knows("new")
    assert 1.0 == learned.trending.counts(NOON, 61)[60]


async def test_a_new_model_is_gone_on_from_with_what_its_fit_did_not_read(
    process: Process, monkeypatch
) -> None:
    monkeypatch.setattr(module, "SERVE_S", 0.01)
    process.following.watch()
    await process.heard(jazz(1))
    mark = await process.store.stored_mark()
    await process.heard(jazz(2, track=1))
    await until(lambda: process.plays() == [1.0, 1.0, 0.0])

    process.current.model = fitted(process.current, version="v2", learned_to=mark)
    await until(lambda: process.learner.learned.version == "v2")
    learned = process.learner.learned
    await process.following.close()

    expected = Learned(NOON, recent=10)
    expected.rebase(process.current.model)
    expected.relearn([jazz(2, track=1)], process.current.catalogue, Allowance())
    assert expected.factors is not None
    assert learned.factors is not None
    np.testing.assert_array_equal(expected.factors.tracks, learned.factors.tracks)
    assert [1.0, 1.0, 0.0] == process.plays()  # they counted once


async def test_learning_that_stopped_starts_again_when_a_model_is_activated(
    process: Process,
) -> None:
    process.following.watch()
    await until(lambda: process.learner.learned.version is not None)
    process.learner.learned.guard.stopped = True
    await process.stream.publish([ModelPublished("v1")])

    await until(lambda: not process.learner.learned.guard.stopped)
    await process.following.close()


async def test_the_answers_under_way_keep_what_they_began_with(process: Process) -> None:
    await process.learner.begin()
    held = process.current.view()
    assert held.online is not None
    before = held.online.tracks.copy(), held.trending.copy()
    await process.heard(*(jazz(number) for number in range(50)))
    await process.catch_up()
    await process.learner.serve()

    np.testing.assert_array_equal(before[0], held.online.tracks)
    np.testing.assert_array_equal(before[1], held.trending)
    assert process.current.view().online is not held.online


async def test_a_part_without_weight_is_not_served(process: Process) -> None:
    """No request pays for it; the learner goes on from it all the same."""
    model = process.current.model
    assert model is not None
    process.current.model = structs.replace(model, blend=BlendWeights())
    await process.learner.begin()
    await process.heard(jazz(1))
    await process.catch_up()
    await process.learner.serve()

    assert (None, None) == (process.current.view().online, process.current.factors)
    assert process.learner.learned.factors is not None


async def test_one_event_that_cannot_be_learned_from_is_set_aside(
    process: Process, monkeypatch
) -> None:
    hear = Learned.hear

    def picky(learned: Learned, listens, catalogue):
        if any(one.id == "l2" for one in listens):
            raise ZeroDivisionError
        return hear(learned, listens, catalogue)

    monkeypatch.setattr(module, "SERVE_S", 0.01)
    monkeypatch.setattr(Learned, "hear", picky)
    process.following.watch()
    await until(lambda: process.learner.learned.version is not None)
    for number in (1, 2, 3):
        await process.heard(jazz(number), told=False)
        await process.stream.publish([ListenStored([jazz(number)])])

    await until(lambda: process.plays() == [2.0, 0.0, 0.0])
    assert ["ZeroDivisionError"] == [dead.reason for dead in await process.stream.dead()]
    await process.following.close()
