"""Models are changed under load, by HTTP and by command: everybody follows, nothing is mixed."""

import itertools
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from msgspec import Struct

from tests.faults import two_models
from tests.faults.serving import ROOT, Service, two_workers
from tests.faults.sizes import say, size
from tests.faults.two_models import LIMIT, USERS, VERSIONS, mixed, taste_shown

FLIPS = size(4, 20)
BAR_S = 30.0
IN_A_ROW = 20  # answers on new connections: half a million to one that both workers gave some
CLIENTS = 4
WRITES = 0.1
COMMAND = (sys.executable, "-c", "import sys; from service.cli import main; sys.exit(main())")


class Flipped(Service):
    """A server whose application may have a protection off."""

    command = (
        "-c",
        (
            "import sys; import granian.server as g; from service.cli import main; real = g.Server;"
            "g.Server = lambda _, **k: real('tests.faults.flipped_app:served', **k);"
            "sys.exit(main())"
        ),
    )

    def activate(self, version: str) -> None:
        """By HTTP: one worker is told and the others find out."""
        answer = self.post(f"/v1/models/{version}/activate", {})
        assert 200 == answer.status_code, answer.text

    def roll_back(self) -> None:
        """By command, in a process of its own."""
        run = subprocess.run(
            [*COMMAND, "models", "rollback"],
            cwd=ROOT,
            env=self._env | {"ECHOTUNE_DATA_DIR": str(self.data)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert f"{VERSIONS[0]} serves\n" == run.stdout


class Seen(Struct, frozen=True):
    """One list, whose, and when it was asked for and had come."""

    user: str
    asked: float
    came: float
    version: str


class Client(threading.Thread):
    """Asks for lists of everybody's, on a new connection now and then, and writes some listens."""

    def __init__(
        self, service: Service, number: int, stop: threading.Event, *, writes: float
    ) -> None:
        super().__init__(daemon=True)
        self._url, self._number, self._stop_asked = service.url, number, stop
        self._writes = writes
        self.seen: list[Seen] = []
        self.faults: list[str] = []

    def run(self) -> None:
        draw = random.Random(self._number)
        while not self._stop_asked.is_set():
            with httpx.Client(base_url=self._url, timeout=20) as client:
                for turn in range(20):
                    user = draw.choice(USERS)
                    if draw.random() < self._writes:
                        self._write(client, user, draw)
                    else:
                        self._read(client, user)
                    if self._stop_asked.wait(0.003 * (turn % 3)):
                        break

    def _read(self, client: httpx.Client, user: str) -> None:
        asked = time.monotonic()
        answer = client.get(f"/v1/users/{user}/recommendations?limit={LIMIT}")
        came = time.monotonic()
        if answer.status_code != 200:
            self.faults.append(f"{answer.status_code} {answer.text}")
            return
        page = answer.json()
        self.seen.append(Seen(user, asked, came, page["model_version"]))
        if wrong := mixed(page):
            self.faults.append(f"{page['model_version']} showed {user} {wrong}")
        if len(page["recommendations"]) != LIMIT or page["tier"] != "personal":
            self.faults.append(f"no whole list of their own: {page}")
        if page["list_id"] not in answer.headers["etag"]:
            self.faults.append(f"{answer.headers['etag']} on list {page['list_id']}")

    def _write(self, client: httpx.Client, user: str, draw: random.Random) -> None:
        """Something again that they played: the rev rises, what may be shown stays the same."""
        track = two_models.played(user, draw.randrange(two_models.PLAYED))
        listen = {"user_id": user, "track_id": track, "id": f"{self._number}-{draw.random()}"}
        answer = client.post("/v1/listens", json=listen)
        if answer.status_code != 202:
            self.faults.append(f"{answer.status_code} {answer.text}")


class Flip(Struct, frozen=True):
    """A version, and from when to when everybody had it."""

    version: str
    since: float
    until: float
    took_s: float
    near: tuple[str, ...]  # what is kept of it about tracks


@contextmanager
def town(data: Path, folder: Path, without: str = "") -> Iterator[Flipped]:
    anyio.run(two_models.settle, data)
    env = {"ECHOTUNE_TRAIN_EVERY_HOURS": "0", "FAULTS_WITHOUT": without}
    with two_workers(data, folder, Flipped, env) as service:
        yield service


def flip_under_load(
    service: Flipped, flips: int, bar_s: float, *, writes: float = WRITES
) -> tuple[list[Flip], list[Client]]:
    """Versions in turn; ends early with one that somebody does not follow in time."""
    stop = threading.Event()
    clients = [Client(service, number, stop, writes=writes) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    until_kept(clients)
    done: list[Flip] = []
    for version in itertools.islice(itertools.cycle(VERSIONS[::-1]), flips):
        start = time.monotonic()
        if version == VERSIONS[0]:
            service.roll_back()
        else:
            service.activate(version)
        took_s = until_all_follow(service, version, start, bar_s)
        since, near = time.monotonic(), close(service)
        time.sleep(0.5)
        done.append(Flip(version, since, time.monotonic(), took_s, near))
        if took_s > bar_s:
            break
    stop.set()
    for client in clients:
        client.join(30)
    return done, clients


def until_kept(clients: list[Client]) -> None:
    """Waits until everybody's list has been made once: then there is an old one to go on with."""
    end = time.monotonic() + 30
    while {*USERS} - {seen.user for client in clients for seen in list(client.seen)}:
        assert time.monotonic() < end, "some list was never made"
        time.sleep(0.05)


def until_all_follow(service: Service, version: str, start: float, bar_s: float) -> float:
    """Seconds until so many new connections in a row are answered by this version."""
    row, users = 0, itertools.cycle(USERS)
    while row < IN_A_ROW and time.monotonic() - start <= bar_s:
        page = service.get(f"/v1/users/{next(users)}/recommendations", limit=LIMIT)
        row = row + 1 if page["model_version"] == version else 0
    return time.monotonic() - start


def close(service: Service) -> tuple[str, ...]:
    """The tracks that a model puts near one."""
    found = service.get("/v1/tracks/jazz00/similar", limit=LIMIT)["similar"]
    return tuple(one["track"]["id"] for one in found)


def late(flips: list[Flip], clients: list[Client]) -> list[str]:
    """Lists of another version, asked for after everybody had followed."""
    return [
        f"{seen.version} while {flip.version} served"
        for flip in flips
        for client in clients
        for seen in client.seen
        if flip.since <= seen.asked and seen.came <= flip.until and seen.version != flip.version
    ]


def test_flips_under_load_mix_nothing_fail_nothing_and_reach_everybody(
    data: Path, tmp_path: Path
) -> None:
    with town(data, tmp_path / "valkey") as service:
        flips, clients = flip_under_load(service, FLIPS, BAR_S)
        assert 2 == len(service.workers())
    lists = sum(len(client.seen) for client in clients)
    slowest = max(flip.took_s for flip in flips)
    took = ", ".join(f"{flip.took_s:.1f}" for flip in flips)
    say(f"{len(flips)} flips, {lists} lists; seconds until all workers followed: {took}")

    assert [] == [fault for client in clients for fault in client.faults]
    assert FLIPS == len(flips)
    assert slowest <= BAR_S
    assert [] == late(flips, clients)
    assert {*VERSIONS} == {seen.version for client in clients for seen in client.seen}
    near = {version: {one.near for one in flips if one.version == version} for version in VERSIONS}
    assert [1, 1] == [len(found) for found in near.values()]
    assert not near[VERSIONS[0]] & near[VERSIONS[1]]


def test_with_the_version_left_out_of_the_keys_old_lists_would_go_on(
    data: Path, tmp_path: Path
) -> None:
    """The control. A write would make a new list of the new version, whatever the key says."""
    with town(data, tmp_path / "valkey", "version") as service:
        flips, _ = flip_under_load(service, 1, 8.0, writes=0.0)

    assert flips[0].took_s > 8.0


def test_a_part_of_another_model_in_a_list_would_be_seen(data: Path, tmp_path: Path) -> None:
    """The control."""
    with town(data, tmp_path / "valkey", "view") as service:
        _, clients = flip_under_load(service, 2, 20.0)

    assert [fault for client in clients for fault in client.faults if "showed" in fault]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_list_under_the_name_of_the_other_version_is_mixed(version: str) -> None:
    """The control of the check itself."""
    shown = [("jazz07", 2.9), ("metal07", 2.9), (f"{taste_shown('jazz-u0', version)}08", 1.4)]
    page: dict[str, Any] = {
        "user_id": "jazz-u0",
        "model_version": version,
        "recommendations": [{"track": {"id": one}, "score": score} for one, score in shown],
    }

    assert 2 == len(mixed(page))
    assert mixed(page)[-1].endswith("08 1.4")
