"""From the store into memory: at start, and when somebody else wrote to the same file."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio
import pytest
import structlog

from service.building import wire
from service.bus import Bus, UserUpdated
from service.cache.revs import Revs
from service.cache.two_level import TwoLevel
from service.domain import Track
from service.errors import StoreUnavailable
from service.learn import refresh as module
from service.learn.ingest import Ingest
from service.learn.invalidation import Invalidation
from service.learn.live_quality import LiveQuality
from service.learn.refresh import Refresh
from service.learn.satisfaction import Satisfaction
from service.learn.shelf import Shelf
from service.learn.trainer import Trainer
from service.learn.updates import Updates
from service.model import files
from service.model.current import Current
from service.store.sqlite import SqliteStore
from tests.service.given import NOON, catalogue, listen, model, track


class Process:
    """One of several processes on one data folder."""

    def __init__(self, folder: Path, store: SqliteStore | None = None) -> None:
        self.store = store or SqliteStore(folder / "store.db")
        self.bus, self.current, self.revs = Bus(), Current(lambda: NOON), Revs()
        self.cache = TwoLevel(1 << 20, self.revs)
        self.news: list[str] = []  # that whoever learns is told
        self.trainer = Trainer(self.store, self.bus, self.current, folder / "models")
        satisfaction = Satisfaction(self.store, lambda: NOON)
        live = LiveQuality(self.current)
        wire(self.bus, Invalidation(self.current, self.cache), satisfaction, live, Updates())
        self.refresh = Refresh(
            self.store,
            self.current,
            self.trainer,
            self.cache,
            satisfaction=satisfaction,
            news=lambda: self.news.append("another process has written"),
            clock=lambda: NOON,
        )
        self.shelf = Shelf(self.store, self.bus)
        self.ingest = Ingest(self.store, self.bus, self.current.knows, lambda: NOON)

    def counts(self) -> list[float]:
        return self.current.trending.counts(NOON, self.current.catalogue.size).tolist()

    async def close(self) -> None:
        await self.refresh.close()
        await self.store.close()


@pytest.fixture
async def processes(tmp_path: Path, monkeypatch) -> AsyncIterator[tuple[Process, Process]]:
    """Two of them, the first one loaded; whoever watches looks a hundred times a second."""
    monkeypatch.setattr(module, "LOOK_EVERY_S", 0.01)
    mine, theirs = Process(tmp_path), Process(tmp_path)
    await mine.refresh.load()
    yield mine, theirs
    await mine.close()
    await theirs.close()


async def until(holds: Callable[[], bool]) -> None:
    with anyio.fail_after(10):
        while not holds():  # noqa: ASYNC110 - what another process did is seen by looking
            await asyncio.sleep(0.01)


async def test_a_start_reads_tracks_and_what_trends(processes) -> None:
    mine, theirs = processes
    await theirs.shelf.put([track("a"), track("b")])
    await theirs.ingest.take(
        [
            *(listen("b", user_id=f"u{n}") for n in range(4)),
            listen("a", action="skip"),
            listen("a", timed=False),
        ]
    )

    await mine.refresh.load()

    assert ["a", "b"] == [brief.id for brief in mine.current.catalogue.briefs]
    assert [0.0, 4.0] == mine.counts()


async def test_loading_again_counts_nothing_twice_and_moves_no_row(processes) -> None:
    mine, _ = processes
    await mine.shelf.put([track("a"), track("b")])
    await mine.ingest.take([listen("b", user_id=f"u{n}") for n in range(3)])

    for _ in range(2):
        await mine.refresh.load()

    assert [0.0, 3.0] == mine.counts()
    assert 2 == mine.current.catalogue.size


async def test_an_empty_store_is_an_empty_service(processes) -> None:
    mine, _ = processes

    assert (0, None) == (mine.current.view().catalogue.size, mine.trainer.serving)


async def test_own_writes_are_no_news_and_those_of_another_process_are(processes) -> None:
    mine, theirs = processes
    await mine.shelf.put([track("a")])
    await mine.ingest.take([listen("a")])
    assert not await mine.store.changed_elsewhere()

    await theirs.shelf.put([track("b")])
    assert await mine.store.changed_elsewhere()
    assert not await mine.store.changed_elsewhere()


async def test_whoever_watches_picks_up_what_another_process_imported(processes) -> None:
    mine, theirs = processes
    await mine.shelf.put([track("a")])
    mine.revs.learn("u1", 1)
    mine.refresh.watch()

    await theirs.refresh.load()
    await theirs.shelf.put([track("b")])
    await theirs.ingest.take([listen("b", plays=2)])

    await until(lambda: mine.current.catalogue.size == 2)
    await until(lambda: bool(mine.news))
    assert mine.revs.get("u1") is None


async def test_own_writes_forget_no_rev(processes) -> None:
    mine, _ = processes
    mine.refresh.watch()

    await mine.shelf.put([track("a")])
    await mine.ingest.take([listen("a")])
    rev, edition = mine.revs.get("u1"), mine.current.catalogue.edition
    await asyncio.sleep(0.1)

    assert rev is not None
    assert (rev, edition) == (mine.revs.get("u1"), mine.current.catalogue.edition)


async def test_a_model_that_another_process_published_is_served(processes, tmp_path: Path) -> None:
    mine, theirs = processes
    await theirs.shelf.put(_tracks())
    files.save(model(catalogue(*_tracks()), []), [one.id for one in _tracks()], tmp_path / "models")
    files.activate(tmp_path / "models", "v1")
    await mine.refresh.load()

    assert "v1" == mine.trainer.serving


async def test_a_fit_beside_a_running_process_is_served_though_no_row_was_written(
    processes, tmp_path: Path
) -> None:
    mine, theirs = processes
    await theirs.shelf.put(_tracks())
    await mine.refresh.load()
    mine.refresh.watch()
    assert mine.trainer.serving is None

    files.save(model(catalogue(*_tracks()), []), [one.id for one in _tracks()], tmp_path / "models")
    files.activate(tmp_path / "models", "v1")

    await until(lambda: mine.trainer.serving == "v1")


async def test_of_those_who_tell_only_a_gap_makes_it_read_again(processes, monkeypatch) -> None:
    """Linked processes tell whom they change; what one died over without a word is a number."""
    monkeypatch.setattr(module, "UNTOLD_EVERY", 5)
    mine, theirs = processes
    await mine.shelf.put([track("a")])
    await theirs.refresh.load()
    monkeypatch.setattr(TwoLevel, "linked", True)
    theirs.bus.subscribe(UserUpdated, lambda fact: mine.cache.note(fact.user_id, fact.rev))
    mine.refresh.watch()
    await until(lambda: mine.cache.heard_all(1))  # its own track is nobody's rev: read again once
    await asyncio.sleep(0.2)

    await theirs.ingest.take([listen("a", plays=2)])
    await asyncio.sleep(0.2)
    told = mine.revs.get("u1")
    await theirs.store.append([listen("a", user_id="u2", id="untold")])
    await until(lambda: mine.revs.get("u1") is None)

    assert told is not None


@pytest.mark.parametrize("told_at, gaps", [(2, []), (None, [module.PATIENCE])])
async def test_what_is_told_late_is_no_gap(processes, monkeypatch, told_at, gaps) -> None:
    """Looks after the number was asked for; what nobody has told by the last of them is one."""
    monkeypatch.setattr(TwoLevel, "linked", True)
    mine, theirs = processes
    await theirs.store.append([listen("a", user_id="u2")])
    found = []
    for look in range(module.PATIENCE + 2):
        if look == told_at:
            await mine.cache.note("u2", 1)
        second = module.UNTOLD_EVERY - 1 + look
        if await mine.refresh._missed(second, changed=True):
            found.append(look)

    assert gaps == found


async def test_what_is_put_while_the_store_is_read_is_newer(processes) -> None:
    mine, theirs = processes
    await theirs.shelf.put([track("a"), track("b")])

    class Slow(SqliteStore):
        async def tracks(self, *, offset: int = 0) -> list[Track]:
            read = await super().tracks(offset=offset)
            await mine.shelf.put([track("a", title="Newer")])
            return read

    mine.refresh._store = Slow(mine.store._path)
    await mine.refresh.load()
    await mine.refresh._store.close()

    assert ["Newer", "Title b"] == [one.title for one in mine.current.catalogue.briefs]


async def test_a_process_that_is_alone_lets_go_of_what_it_heard(processes, monkeypatch) -> None:
    monkeypatch.setattr(module, "UNTOLD_EVERY", 5)
    mine, _ = processes
    await mine.shelf.put([track("a")])
    mine.refresh.watch()

    await mine.ingest.take([listen("a")])
    heard = mine.revs._heard.copy()
    await until(lambda: not mine.revs._heard)

    assert heard
    assert mine.revs.get("u1") is not None


def _tracks() -> list[Track]:
    return [track("a"), track("b")]


class FlakyStore(SqliteStore):
    """A store that cannot read its tracks so many times."""

    failures = 0

    async def tracks(self, *, offset: int = 0) -> list[Track]:
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("busy")
        return await super().tracks(offset=offset)


async def test_a_change_that_could_not_be_read_is_read_later(tmp_path: Path, monkeypatch) -> None:
    """The news comes once; a failure must not lose it."""
    monkeypatch.setattr(module, "LOOK_EVERY_S", 0.01)
    store = FlakyStore(tmp_path / "store.db")
    mine, theirs = Process(tmp_path, store), Process(tmp_path)
    await mine.refresh.load()
    store.failures = 3
    with structlog.testing.capture_logs() as logs:
        mine.refresh.watch()
        await theirs.shelf.put([track("a")])
        await until(lambda: mine.current.knows("a"))

    assert ["busy"] * 3 == [log["reason"] for log in logs]
    await mine.close()
    await theirs.close()


async def test_closing_stops_watching_and_is_fine_without(processes) -> None:
    mine, theirs = processes
    await theirs.refresh.close()
    mine.refresh.watch()
    await mine.refresh.close()

    await theirs.shelf.put([track("a")])
    await asyncio.sleep(0.05)

    assert not mine.current.knows("a")
