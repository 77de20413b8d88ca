"""Of several processes one learns and all others serve what it has learned."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from service.bus.lease import MemoryLease
from service.bus.memory import MemoryStream
from service.bus.patches import MemoryPatches, Patch
from service.learn.changes import change_of, from_bytes, to_bytes
from service.learn.online import Lost
from service.learn.snapshot import Snapshots
from service.store.memory import MemoryStore
from tests.service.given import NOON
from tests.service.learn.learning import Process, fitted, jazz, until

pytestmark = pytest.mark.usefixtures("one_is_enough")


async def test_of_two_processes_one_learns_and_the_other_serves_the_same(tmp_path: Path) -> None:
    lease, patches, stream, store = MemoryLease(), MemoryPatches(), MemoryStream(), MemoryStore()
    shared: dict[str, Any] = {"store": store, "stream": stream, "lease": lease, "patches": patches}
    one, other = Process(tmp_path, **shared), Process(tmp_path, **shared)
    await one.learner.begin(1)
    await one.heard(jazz(1))
    await one.catch_up()
    await one.learner.serve()
    await other.following.follow(0.05)
    await one.heard(jazz(2, track=1))
    await one.catch_up()
    await one.learner.serve()

    await other.following.follow(0.05)

    assert [1.0, 1.0, 0.0] == one.plays() == other.plays()
    mine, theirs = one.current.factors, other.current.factors
    assert mine is not None
    assert theirs is not None
    assert "v1" == mine.version == theirs.version
    np.testing.assert_array_equal(mine.online.tracks, theirs.online.tracks)


async def test_one_who_lost_the_lease_tells_nobody_and_saves_nothing(tmp_path: Path) -> None:
    patches, stream, store = MemoryPatches(), MemoryStream(), MemoryStore()
    shared: dict[str, Any] = {"store": store, "stream": stream, "patches": patches}
    frozen, alive = Process(tmp_path, **shared), Process(tmp_path, **shared)
    await frozen.learner.begin(1)
    await alive.learner.begin(2)
    await frozen.heard(jazz(1))
    await frozen.catch_up()

    with pytest.raises(Lost):
        await frozen.learner.serve()
    await frozen.learner.save()

    found = Snapshots(tmp_path).load()
    assert found is not None
    assert 2 == found[0].term
    assert all(patch.term == 2 for patch in await patches.after(2, 0))


async def test_whoever_missed_a_patch_loads_the_base(tmp_path: Path) -> None:
    lease, patches, stream, store = (
        MemoryLease(),
        MemoryPatches(most=1),
        MemoryStream(),
        MemoryStore(),
    )
    shared: dict[str, Any] = {"store": store, "stream": stream, "lease": lease, "patches": patches}
    one, other = Process(tmp_path, **shared), Process(tmp_path, **shared)
    await one.learner.begin(1)
    await other.following.follow(0.02)
    for number in (1, 2, 3):
        await one.heard(jazz(number))
        await one.catch_up()
        await one.learner.serve()
    await other.following.follow(0.02)  # sees that two are gone; the base is older than they are
    assert [0.0, 0.0, 0.0] == other.plays()

    await one.learner.put_base()
    await other.following.follow(0.02)

    assert [3.0, 0.0, 0.0] == other.plays()


async def test_another_model_in_a_follower_waits_for_the_base_of_its_own(tmp_path: Path) -> None:
    """Factors of one version never serve with the model of another."""
    patches, stream, store = MemoryPatches(), MemoryStream(), MemoryStore()
    shared: dict[str, Any] = {"store": store, "stream": stream, "patches": patches}
    one, other = Process(tmp_path, **shared), Process(tmp_path, **shared)
    await one.learner.begin(1)
    await other.following.follow(0.02)
    other.current.model = fitted(other.current, version="v2")
    assert other.current.model.latent.online is other.current.view().online

    one.current.model = other.current.model
    await one.learner.begin(2)
    await other.following.follow(0.02)

    assert other.current.factors is not None
    assert "v2" == other.current.factors.version
    assert other.current.view().online is other.current.factors.online


async def test_the_next_one_learns_on_when_the_holder_has_ended(tmp_path: Path) -> None:
    lease, patches, stream, store = MemoryLease(), MemoryPatches(), MemoryStream(), MemoryStore()
    shared: dict[str, Any] = {"store": store, "stream": stream, "lease": lease, "patches": patches}
    one, other = Process(tmp_path, **shared), Process(tmp_path, **shared)
    one.following.watch()
    await until(lambda: one.learner.learned.version is not None)
    await one.heard(jazz(1))
    await until(lambda: len(one.learner.learned.recent) == 1)
    other.following.watch()
    await one.following.close()
    assert 0 == len(one.learner.learned.recent)  # 50 MB that nobody needs here any more
    await one.heard(jazz(2))

    await until(lambda: other.plays() == [2.0, 0.0, 0.0])
    await other.following.close()


async def test_a_change_travels_whole(tmp_path: Path) -> None:
    process = Process(tmp_path)
    await process.learner.begin()
    await process.heard(jazz(1))
    change = change_of(await process.catch_up(), whole=False, factors=True)

    back = from_bytes(to_bytes(change))

    for name in change.__struct_fields__:
        np.testing.assert_array_equal(getattr(change, name), getattr(back, name))
    assert 0 < change.moved.size < process.current.catalogue.size


async def test_what_is_no_change_is_left_out(tmp_path: Path) -> None:
    patches = MemoryPatches()
    process = Process(tmp_path, patches=patches)
    await patches.publish(Patch(1, 1, b"no"))

    lacking = msgspec.msgpack.encode((False, None, NOON, 0, 0, {"trended": b""}))
    for body in (b"no", lacking):
        with pytest.raises(ValueError, match="no change"):
            from_bytes(body)
    await process.following.follow(0.02)
    assert [0.0, 0.0, 0.0] == process.plays()
