"""Workers tell each other what they measured: real processes, killed as a machine would."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge

from service import metrics as _metrics  # noqa: F401 - says what gauges come to together
from service.siblings import ENDED, FOLDERS, TOLD, Siblings, folder_of_workers

WORKER = """
import sys
from pathlib import Path
from prometheus_client import CollectorRegistry, Counter, Gauge
from service.siblings import Siblings
registry = CollectorRegistry()
asked = Counter("asked", "", registry=registry)
Gauge("echotune_learner_leads", "", registry=registry).set(1)
one = Siblings(Path(sys.argv[1]), registry)
one.join()
for line in sys.stdin:
    asked.inc(int(line))
    one.write()
    print("told", flush=True)
one.leave()
"""


class Worker:
    """A process of its own, which counts what it is told to."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKER, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )

    def count(self, number: int) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(b"%d\n" % number)
        self.process.stdin.flush()
        assert b"told\n" == self.process.stdout.readline()

    def end(self, how: signal.Signals | None = None) -> None:
        if how is not None:
            self.process.send_signal(how)
        self.process.communicate()


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[list[Worker]]:
    started = [Worker(tmp_path), Worker(tmp_path)]
    yield started
    for one in started:
        one.process.kill()
        one.process.communicate()


def said(folder: Path) -> dict[str, float]:
    """What somebody who joins is told: by all but itself."""
    one = Siblings(folder, CollectorRegistry())
    one.join()
    told = {sample.name: sample.value for family in one.collect() for sample in family.samples}
    one.leave()
    return told


def test_a_killed_worker_counts_on_and_its_gauges_are_gone(tmp_path: Path, workers):
    first, second = workers
    first.count(3)
    second.count(4)
    before = said(tmp_path)
    first.end(signal.SIGKILL)
    after = said(tmp_path)
    second.count(1)

    assert (7, 2) == (before["asked_total"], before["echotune_learner_leads"])
    assert (7, 1) == (after["asked_total"], after["echotune_learner_leads"])
    assert 8 == said(tmp_path)["asked_total"]


def test_a_worker_that_leaves_is_counted_to_its_last(tmp_path: Path, workers):
    first, second = workers
    first.count(3)
    first.end()
    second.end()

    told = said(tmp_path)
    assert 3 == told["asked_total"]
    assert "echotune_learner_leads" not in told


def test_many_that_have_ended_are_one_file(tmp_path: Path, workers):
    for one in workers:
        one.count(1)
        one.end(signal.SIGKILL)
    for _ in range(3):
        assert 2 == said(tmp_path)["asked_total"]

    assert 1 == len(list(tmp_path.glob(f"*{TOLD}")))  # of the last who asked
    assert (tmp_path / ENDED).exists()


def test_a_crash_between_adding_up_and_removing_counts_nobody_twice(tmp_path: Path, workers):
    workers[0].count(5)
    workers[0].end(signal.SIGKILL)
    workers[1].end()
    kept = {path: path.read_bytes() for path in tmp_path.glob(f"*{TOLD}")}
    assert 5 == said(tmp_path)["asked_total"]
    for path, body in kept.items():
        path.write_bytes(body)  # as if they had not been removed

    assert 5 == said(tmp_path)["asked_total"]
    assert 5 == said(tmp_path)["asked_total"]


def test_control_without_a_lock_that_ends_with_its_worker_gauges_of_the_dead_stay(
    tmp_path: Path, workers, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("service.siblings._locked", lambda _: True)
    for one in workers:
        one.count(1)
    for one in workers:  # at once: who lives would clear away who does not
        one.process.kill()
    for one in workers:
        one.end()

    assert 2 == said(tmp_path)["echotune_learner_leads"]


def test_who_is_asked_is_told_as_of_now(tmp_path: Path):
    registry = CollectorRegistry()
    asked = Counter("asked", "", registry=registry)
    in_flight = Gauge("echotune_requests_in_flight", "", registry=registry)
    one = Siblings(tmp_path, registry)
    one.join()
    asked.inc()
    in_flight.set(2)
    told = {sample.name: sample.value for family in one.collect() for sample in family.samples}
    one.leave()

    assert (1, 2) == (told["asked_total"], told["echotune_requests_in_flight"])


def test_a_full_disk_fails_no_scrape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    one = Siblings(tmp_path, CollectorRegistry())
    one.join()

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert [] == list(one.collect())
    one.leave()


def test_the_folder_of_a_server_goes_with_it_and_one_that_was_killed_left_its(tmp_path: Path):
    (tmp_path / FOLDERS / "left").mkdir(parents=True)
    with folder_of_workers(tmp_path) as first, folder_of_workers(tmp_path) as second:
        assert {first, second} == set((tmp_path / FOLDERS).iterdir())

    assert [] == list((tmp_path / FOLDERS).iterdir())
