"""Two configurations, one crowd, some weeks: an experiment from draft to report in minutes.

Everything the crowd meets is the service itself, over a store of its own and a clock that runs
ahead: assignment, lists, ingest, exposure, metrics, statistics.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np
from msgspec import Struct
from numpy.random import Generator

from service.bootstrap import open_house
from service.domain import Listen, Value, Variant
from service.doors.demo.catalogue import Catalogue as Songs
from service.doors.demo.catalogue import catalogue
from service.doors.demo.listeners import Crowd, crowd
from service.doors.demo.listening import listening
from service.experiments import lifecycle
from service.experiments.gathering import look_at
from service.experiments.lifecycle import Draft
from service.experiments.report import Report
from service.house import House
from service.recommend.ask import Ask
from service.recommend.page import Page
from service.recommend.tuning import tuning_of
from service.settings import Settings
from service.simulation.listener import SHELF, Heard, Person

NAME = "SIMULATION"
"""How every form of the report is headed: nobody shall take it for listeners who exist."""
DAY = timedelta(days=1)
AT_ONCE = 1_000
BEFORE_EACH = 60
"""Listens of each listener before the experiment begins."""
PAUSE = timedelta(seconds=2)


class World(Struct, frozen=True, kw_only=True):
    """How large, how long and which: the same seed lives the same lives."""

    listeners: int = 400
    tracks: int = 2_000
    days: int = 14
    seed: int = 7


class Clock:
    """The time in the simulated world."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


async def simulate(
    control: Mapping[str, Value],
    variant: Mapping[str, Value],
    world: World,
    *,
    progress: Callable[[float], object] = lambda _: None,
) -> Report:
    """Let half of a crowd live with each configuration, and report.

    Raises:
        Invalid: a configuration asks for what there is not.
    """
    for one in (control, variant):
        tuning_of(one)
    rng = np.random.default_rng(world.seed)
    begin = (datetime.now(UTC) - DAY * (world.days + 1)).replace(minute=0, second=0, microsecond=0)
    songs = catalogue(rng, seed=world.seed, size=world.tracks, today=begin.date())
    people = crowd(rng, songs, world.listeners, begin)
    clock = Clock(begin)
    with TemporaryDirectory(prefix="echotune-simulation-") as folder:
        settings = Settings(data_dir=str(Path(folder)), strategy_timeout_ms=5_000)
        async with open_house(settings, clock=clock) as house:
            await _begin(house, songs, people, rng, world.listeners * BEFORE_EACH)
            arms = (
                Variant(name="control", settings=dict(control)),
                Variant(name="variant", settings=dict(variant)),
            )
            draft = Draft(name=NAME, variants=arms, allocation=1.0)
            await lifecycle.create(house.store, draft, tuning_of)
            await lifecycle.start(house.store, NAME, now=clock())
            await house.running.refresh()
            everybody = await _persons(house, people, songs)
            for day in range(world.days):
                clock.now = begin + DAY * day
                await _day(house, songs, everybody, clock, rng)
                progress((day + 1) / world.days)
            clock.now = begin + DAY * world.days
            experiment = await lifecycle.find(house.store, NAME)
            return await look_at(house.store, house.current.catalogue, experiment, now=clock())


async def _begin(house: House, songs: Songs, people: Crowd, rng: Generator, listens: int) -> None:
    """A service as it is after its first weeks: a catalogue, listens, a model."""
    await house.shelf.put(songs.tracks)
    batch: list[Listen] = []
    for listen in listening(rng, songs, people, listens, house.ingest.now()):
        batch.append(listen)
        if len(batch) >= AT_ONCE:
            await house.ingest.take(batch)
            batch = []
    await house.ingest.take(batch)
    await house.trainer.fit(lambda _: None)
    await house.refresh.load()


async def _persons(house: House, people: Crowd, songs: Songs) -> list[Person]:
    scenes = int(songs.scene.max()) + 1
    persons = []
    for row, user in enumerate(people.users):
        weights = np.zeros(scenes)
        tastes, likes = people.tastes[row], people.weight[row]
        weights[tastes[likes > 0]] = 0.55 + 0.45 * likes[likes > 0] / likes.max()
        active = float(np.clip(people.activity[row] * len(people.users) * 0.45, 0.1, 0.8))
        hasty = float(0.35 + 0.5 * people.skips[row])
        known = await house.store.recent(user.id, SHELF)
        shelf = {house.current.catalogue.rows[one.track_id] for one in known}
        persons.append(Person(user.id, weights, hasty, active, worn={}, shelf=sorted(shelf)))
    return persons


async def _day(
    house: House,
    songs: Songs,
    everybody: list[Person],
    clock: Clock,
    rng: Generator,
) -> None:
    midnight = clock()
    await house.refresh.load()  # what trends is counted anew
    coming = [person for person in everybody if person.comes(rng)]
    starts = np.sort(rng.integers(6 * 3600, 23 * 3600, len(coming)))
    for person, second in zip(rng.permutation(np.array(coming, object)), starts, strict=True):
        clock.now = midnight + timedelta(seconds=int(second))
        await _listen(house, songs, person, clock, rng)
    for person in everybody:
        person.sleep()
    await house.exposure.step()


async def _listen(house: House, songs: Songs, person: Person, clock: Clock, rng: Generator) -> None:
    answer, _ = await house.recommender.for_user(person.user_id, Ask())
    house.recommender.sent(person.user_id, Ask(), answer, took_s=answer.cost_s)
    page = msgspec.json.decode(answer.body, type=Page)
    known = house.current.catalogue.rows
    rows = np.array([known[one.track.id] for one in page.recommendations], np.int64)
    heard = person.session(rows, songs.scene[rows], songs.artist[rows], rng)
    listens = _listens(page, heard, songs, rows, clock)
    listens += _own(person, songs, clock, rng)
    await house.ingest.take(listens)


def _own(person: Person, songs: Songs, clock: Clock, rng: Generator) -> list[Listen]:
    """What they play after the list, of what they have known for long."""
    told = []
    for row in person.comforts(rng):
        ms = int(songs.duration_ms[row])
        told.append(
            Listen(
                user_id=person.user_id,
                track_id=songs.tracks[row].id,
                at=clock.now,
                ms_played=ms,
            )
        )
        clock.now += timedelta(milliseconds=ms) + PAUSE
    return told


def _listens(
    page: Page, heard: list[Heard], songs: Songs, rows: np.ndarray, clock: Clock
) -> list[Listen]:
    """What the service is told; the clock ends where the session does."""
    told: list[Listen] = []
    for one in heard:
        track_id = page.recommendations[one.place].track.id
        ms = int(songs.duration_ms[rows[one.place]] * one.share)
        told.append(
            Listen(
                user_id=page.user_id,
                track_id=track_id,
                action="skip" if one.skipped else "play",
                at=clock.now,
                ms_played=ms,
                list_id=page.list_id,
            )
        )
        clock.now += timedelta(milliseconds=ms)
        if one.stars is not None:
            told.append(
                Listen(
                    user_id=page.user_id,
                    track_id=track_id,
                    action="rating",
                    at=clock.now,
                    rating=one.stars,
                    list_id=page.list_id,
                )
            )
        clock.now += PAUSE
    return told
