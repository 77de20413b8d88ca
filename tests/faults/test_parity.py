"""Every list that came over HTTP is made again offline: the same tracks, scores and features."""

import random
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import httpx
import numpy as np
import pytest
from msgspec import structs

from core.linear import ItemWeights
from service.bootstrap import open_house
from service.learn.snapshot import Snapshots
from service.model import files
from service.model.trending import WINDOW, Trending, trends
from service.model.version import Model
from service.settings import Settings
from service.store.sqlite import SqliteStore
from tests import worlds
from tests.faults import crowd
from tests.faults.noted import Made, Observer
from tests.faults.replay import Answered, Day, replay
from tests.faults.serving import Service
from tests.faults.sizes import say, size

LISTS = size(300, 10_000)
LISTENERS = size(30, 500)
SOME = 300
"""Lists are enough to see what a control must show."""
CLIENTS = 3
WRITES = 0.4
CLOSE = 1e-6
WAYS: dict[str, list[Any]] = {
    "limit": [5, 20, 50],
    "mix": ["discover", "familiar", "blend"],
    "strategy": ["hybrid", "hybrid", "hybrid", "collaborative", "content"],
    "activity": ["none", "workout", "study"],
    "mood": ["none", "calm"],
    "device": ["none", "phone"],
    "flow": [0, 1],
    "explain": [1, 1, 0],
    "at": [None, "2026-05-04T07:00:00Z", "2026-05-09T22:00:00Z"],
}
TRACKS = [one.id for one in worlds.tracks()]


class Noted(Service):
    """A server that notes what it makes lists from."""

    command = (
        "-c",
        (
            "import sys; import granian.server as g; from service.cli import main; real = g.Server;"
            "g.Server = lambda _, **k: real('tests.faults.noted_app:served', **k);"
            "sys.exit(main())"
        ),
    )


class Client(threading.Thread):
    """Asks and listens for some listeners of its own, one thing after the other."""

    def __init__(self, url: str, users: list[str], lists: int, seed: int) -> None:
        super().__init__(daemon=True)
        self._client, self._draw = httpx.Client(base_url=url, timeout=30), random.Random(seed)
        self._listens, self._lists = dict.fromkeys(users, crowd.PLAYED), lists
        self.answers: dict[str, Answered] = {}
        self.fault: str | None = None

    def run(self) -> None:
        users = list(self._listens)
        with self._client:
            while len(self.answers) < self._lists and self.fault is None:
                user = self._draw.choice(users)
                if self._draw.random() < WRITES:
                    self._write(user)
                self._ask(user)

    def _write(self, user: str) -> None:
        action = self._draw.choice(["play", "play", "skip", "like", "dislike", "save", "rating"])
        listen = {
            "id": f"later-{self._listens[user]}",
            "user_id": user,
            "track_id": self._draw.choice(TRACKS),
            "action": action,
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "ms_played": self._draw.choice([5_000, 60_000, 200_000]),
        }
        if action == "rating":
            listen["rating"] = self._draw.choice([1.0, 3.0, 4.5])
        answer = self._client.post("/v1/listens", json=listen)
        self._listens[user] += 1
        if answer.status_code != 202 or answer.json()["accepted"] != 1:
            self.fault = answer.text
        time.sleep(0.002)  # no two of a user at the same millisecond

    def _ask(self, user: str) -> None:
        drawn = {name: self._draw.choice(values) for name, values in WAYS.items()}
        query = {name: value for name, value in drawn.items() if value is not None}
        answer = self._client.get(f"/v1/users/{user}/recommendations", params=query)
        if answer.status_code != 200 or not answer.json()["recommendations"]:
            self.fault = answer.text
            return
        made = Answered(user, query, self._listens[user], answer.content)
        self.answers.setdefault(answer.json()["list_id"], made)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory, kernels: Path) -> Day:
    folder = tmp_path_factory.mktemp("day")
    data, notes = folder / "data", folder / "notes"
    data.mkdir()
    (data / "kernels").symlink_to(kernels)
    model = anyio.run(settle, data)
    env = {"FAULTS_NOTES": str(notes), "ECHOTUNE_STRATEGY_TIMEOUT_MS": "5000"}
    with Noted(data, env=env | {"ECHOTUNE_TRAIN_EVERY_HOURS": "0"}) as service:
        names = crowd.names(LISTENERS)
        clients = [
            Client(service.url, names[number::CLIENTS], -(-LISTS // CLIENTS), number)
            for number in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        for client in clients:
            client.join(60 + LISTS / 5)
    assert [] == [client.fault for client in clients if client.fault]
    answers: dict[str, Answered] = {}
    for client in clients:
        answers |= client.answers
    return Day(data, notes, answers, model)


async def settle(data: Path) -> Model:
    """Listeners, and a model fitted on what they played."""
    store = SqliteStore(data / "echotune.db")
    await crowd.settle(store, LISTENERS)
    await store.close()
    async with open_house(Settings(data_dir=str(data))) as house:
        await house.trainer.fit(lambda _: None)
        assert house.trainer.serving is not None
        return files.load(data / "models", house.trainer.serving, TRACKS)


@pytest.fixture
def features(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the lists of this process are made from, by list id."""
    made: dict[str, str] = {}

    def tell(note: Any) -> None:
        if isinstance(note, Made):
            made[note.list_id] = note.features

    Observer(tell).attach(monkeypatch.setattr)
    return made


async def test_every_list_is_made_again_to_the_byte(day: Day, features: dict[str, str]) -> None:
    done = await replay(day, features)
    same = sum(one.then == one.now for one in done)
    furthest = max(one.apart for one in done)
    say(f"{len(done)} lists made again: {same} the same whole, scores {furthest:.0e} apart at most")

    assert len(day.answers) == len(done)
    assert len(done) >= LISTS
    assert 0 == sum(not one.same_ids for one in done)
    assert furthest <= CLOSE
    assert 0 == sum(one.features_now != one.features_then for one in done)
    assert all(one.features_then for one in done)


async def test_what_counted_as_a_trend_is_what_was_stored(day: Day) -> None:
    """The one thing a replay takes from the notes that the store knows as well, to the hour.

    Whoever had played a track before the server began counts anew that day.
    """
    learned = Snapshots(day.data / "learner").load()
    assert learned is not None
    landmark = datetime.fromisoformat(learned[0].about["landmark"])
    stored, pairs = Trending(landmark), Counter[tuple[str, int]]()
    store = SqliteStore(day.data / "echotune.db")
    plays = await store.hourly_plays(landmark - WINDOW)
    stored.add((TRACKS.index(track_id), at, count) for track_id, at, count in plays)
    async for batch in store.listens():
        pairs.update((one.user_id, TRACKS.index(one.track_id)) for one in batch if trends(one))
    await store.close()

    size = len(TRACKS)
    anew = np.bincount([row for (_, row), many in pairs.items() if many > 1], minlength=size)
    told = Trending(landmark, learned[1]["trending"]).counts(landmark, size)
    known = stored.counts(landmark, size)
    assert (told >= 0.99 * known).all()
    assert (told <= 1.01 * (known + anew)).all()


async def test_one_weight_of_the_model_would_be_seen(day: Day, features: dict[str, str]) -> None:
    """The control."""
    values = day.model.items.values.copy()
    values[len(values) // 2] += 0.1
    items = ItemWeights(day.model.items.indptr, day.model.items.indices, values)

    done = await replay(day, features, model=structs.replace(day.model, items=items), most=SOME)

    assert [one for one in done if not one.same_ids or one.apart > CLOSE]
    assert [one for one in done if one.features_now != one.features_then]


async def test_one_feature_of_one_track_would_be_seen(day: Day, features: dict[str, str]) -> None:
    """The control: too small a change for most lists, and none for the features."""
    track = worlds.tracks()[0]
    louder = structs.replace(track, features=structs.replace(track.features, energy=0.31))

    done = await replay(day, features, instead=[louder], most=SOME)

    assert [one for one in done if one.features_now != one.features_then]


async def test_one_listen_less_would_be_seen(day: Day, features: dict[str, str]) -> None:
    """The control."""
    fewer = {
        name: structs.replace(one, listens=one.listens - 1) for name, one in day.answers.items()
    }

    done = await replay(structs.replace(day, answers=fewer), features, most=SOME)

    assert [one for one in done if not one.same_ids or one.apart > CLOSE]
