"""Kill -9 on both ends of the MongoDB store: what was acknowledged is there, once."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.store.mongo import open_mongo
from tests import servers
from tests.stores import CLIENTS

ROOT = Path(__file__).parents[2]
APPENDER = Path(__file__).parent / "mongo_appender.py"
SEED = 20261125
ROUNDS = 3
LONGEST_S = 0.8


@pytest.fixture
def server(tmp_path: Path) -> Iterator[servers.Server]:
    """A server of our own that syncs every commit: this test ends it by force, and starts it."""
    try:
        made = servers.mongo(tmp_path, "--sync-on-commit")
    except servers.NotInstalled as missing:
        pytest.skip(str(missing))
    made.start()
    yield made
    kill(made)


def kill(server: servers.Server) -> None:
    os.kill(server.pid, signal.SIGKILL)
    server.stop()


def said_before_kill(
    server: servers.Server, client: str, run: str, *, mode: str, victim: str, alive_s: float
) -> list[str]:
    """Ids written by an appender until it, or the server, was killed so long after the first."""
    command = [sys.executable, str(APPENDER), server.url, client, run, mode]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as child:
        assert child.stdout is not None
        first = child.stdout.readline()
        time.sleep(alive_s)
        if victim == "server":
            kill(server)
            server.start()
        child.kill()
        rest = child.stdout.read()
    return (first + rest).decode().split()


async def stored(server: servers.Server, client: str) -> Counter[str]:
    """How often each listen id is there; every listener there is has a rev."""
    store = await open_mongo(server.url, CLIENTS[client])
    listens = [one async for batch in store.listens() for one in batch]
    users = {user.id: user.rev async for batch in store.users() for user in batch}
    await store.close()
    assert {one.user_id for one in listens} == users.keys()
    return Counter(one.id for one in listens)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("victim", ["appender", "server"])
async def test_what_was_acknowledged_survives_kill_9(server, client, victim) -> None:
    """Every round starts from what the last kill left behind."""
    draw = random.Random(SEED)
    said: list[str] = []
    for number in range(ROUNDS):
        alive_s = draw.uniform(0, LONGEST_S)
        run = f"r{number}"
        said += said_before_kill(server, client, run, mode="acked", victim=victim, alive_s=alive_s)

    found = await stored(server, client)

    assert len(said) == len(set(said)) > ROUNDS
    assert [] == [listen_id for listen_id in said if found[listen_id] != 1]
    assert {1} == set(found.values())


@pytest.mark.parametrize("victim", ["appender", "server"])
async def test_the_control_loses_some(server, victim) -> None:
    """A child that speaks too early is caught, or the test above could not see anything."""
    draw = random.Random(SEED)
    said: list[str] = []
    for number in range(ROUNDS):
        alive_s = draw.uniform(0, LONGEST_S)
        said += said_before_kill(
            server, "motor", f"r{number}", mode="eager", victim=victim, alive_s=alive_s
        )
        found = await stored(server, "motor")
        if any(not found[listen_id] for listen_id in said):
            return

    pytest.fail(f"{len(said)} listens were announced too early and none was lost")
