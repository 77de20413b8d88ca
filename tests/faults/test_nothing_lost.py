"""Bar 1: kill -9 of everything while listens come in; each counts once, in history and learning.

A tenth of the events is sent two to five times and none of them in order. Whatever is killed is
started again, and whoever was not answered 202 sends again.
"""

import random
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from tests import servers
from tests.faults.deliveries import Deliveries, Event, batches, events
from tests.faults.learner import Learner
from tests.faults.online_learner import OnlineLearner
from tests.faults.plant import NOTHING_WRONG, Plant, Verdict
from tests.faults.serving import Service
from tests.faults.sizes import say, size

SEED = 20261126
EVENTS = size(2_000, 100_000)
BATCH = size(8, 40)
KILLS = size(1, 10)  # of each
WITHIN_S = size(120, 1_800)
VICTIMS = ("worker", "learner", "events", "events_unread", "store")


class Hasty(Service):
    """A service that acknowledges what it could not tell anybody."""

    command = (
        "-c",
        (
            "import sys; from service.bus.local import Bus; from service.errors import Unavailable;"
            "send = Bus.send\n"
            "async def hasty(self, *events):\n"
            "    try: await send(self, *events)\n"
            "    except Unavailable: pass\n"
            "Bus.send = hasty\n"
            "from service.cli import main; sys.exit(main())"
        ),
    )


def survive(plant: Plant, sent: Sequence[Event], victims: Sequence[str]) -> Verdict:
    """Send everything, killing as it goes, until all of it is acknowledged."""
    draw = random.Random(SEED)
    waiting = list(victims)
    draw.shuffle(waiting)
    delivered = Deliveries(plant.service.url, batches(sent, BATCH, seed=SEED))
    due = [(number + 0.5) / len(waiting) for number in range(len(waiting))]
    delivered.start()
    try:
        for share, victim in zip(due, waiting, strict=True):
            delivered.wait_for(share, within_s=WITHIN_S)
            time.sleep(draw.uniform(0, 0.05))
            getattr(plant, f"kill_{victim}")()
        delivered.wait_for(1.0, within_s=WITHIN_S)
    finally:
        delivered.stop()
    verdict = plant.verdict(sent)
    say(
        f"{len(sent):,} events in {delivered.total:,} requests, {delivered.failed:,} of which were"
        f" sent again; killed: {', '.join(waiting)}; {verdict}"
    )
    assert [] == delivered.refused
    return verdict


@pytest.fixture(params=["mongo", "sqlite"])
def mongo(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "mongo")


def test_every_event_counts_once_whatever_is_killed(
    tmp_path: Path, data: Path, mongo: bool
) -> None:
    # MongoDB's stand-in takes minutes to sum up what trends of so many: these are too old for it.
    sent = events(EVENTS, seed=SEED, days_ago=60 if mongo else 1)
    with installed(tmp_path, data, mongo=mongo) as plant:
        assert NOTHING_WRONG == survive(plant, sent, VICTIMS * KILLS)


def test_what_is_learned_counts_every_event_once_whatever_is_killed(
    tmp_path: Path, data: Path
) -> None:
    """The learner of the service itself: plays of every track, as it tells them."""
    sent = events(EVENTS, seed=SEED, users=EVENTS)
    with installed(tmp_path, data, mongo=False, learner=OnlineLearner) as plant:
        assert NOTHING_WRONG == survive(plant, sent, VICTIMS * KILLS)


def test_the_control_that_acknowledges_too_early_loses(tmp_path: Path, data: Path) -> None:
    """Stored and acknowledged, but nobody was told."""
    with installed(tmp_path, data, mongo=False, service=Hasty) as plant:
        verdict = survive(plant, events(EVENTS, seed=SEED), ["events"] * 2)

    assert 0 < verdict.counts_lost
    assert Verdict(counts_lost=verdict.counts_lost) == verdict


def test_the_control_that_remembers_no_ids_counts_twice(tmp_path: Path, data: Path) -> None:
    with installed(
        tmp_path, data, mongo=False, learner=partial(Learner, mode="forgetful")
    ) as plant:
        verdict = survive(plant, events(size(500, 5_000), seed=SEED), [])

    assert 0 < verdict.counts_double
    assert Verdict(counts_double=verdict.counts_double) == verdict


def test_the_control_that_keeps_its_place_apart_loses(tmp_path: Path, data: Path) -> None:
    with installed(tmp_path, data, mongo=False, learner=partial(Learner, mode="apart")) as plant:
        verdict = survive(plant, events(size(1_000, 5_000), seed=SEED), ["learner"] * 3)

    assert 0 < verdict.counts_lost


def installed(tmp_path: Path, data: Path, **options) -> Plant:
    try:
        return Plant(tmp_path, data, **options)
    except servers.NotInstalled as missing:
        pytest.skip(str(missing))
