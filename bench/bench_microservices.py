"""What parts in processes of their own cost: the same lists and profiles from one and from three.

Lists are of one store and what one learner knows, which both follow. Profiles are of two copies of
a store with a cache each, or one would find what the other has made; their revs are numbers of a
store, and left out. The rest is compared byte for byte, but for ids, times and the last decimal of
a score, which moves with time: of one process asked twice, 8 lists in 2,700 had another. Rounds
alternate, since this machine's speed moves by a third within minutes. A list is asked for with an
`exclude` of its own and a profile after a listen, so that each is made and none was kept.
"""

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from time import perf_counter, sleep
from urllib.parse import quote

import msgspec
import numpy as np

from bench.bench_serving import echotune
from bench.harness import Bar, Outcome, Row, bar
from bench.load_world import names
from bench.servers import HOST, running
from service.cli.serving import free_port
from tests import servers

USERS, QUICK_USERS = 300, 20
ROUNDS, QUICK_ROUNDS = 8, 1
NEW = re.compile(rb'"(?:list_id|generated_at|updated_at)":"[^"]*"|"rev":[0-9]+')
"""In every answer, whoever gives it."""
SCORE, APART = re.compile(rb'"score":(-?[0-9.]+)'), 2e-4
WORLD = ("--tracks", "2000", "--listeners", "500", "--listens", "20000")
PARTS = (
    ("content", "ECHOTUNE_STRATEGY_SERVICES", "content="),
    ("profiles", "ECHOTUNE_PROFILES_SERVICE", ""),
)
PATIENT = {
    "ECHOTUNE_BALANCE": "0",
    "ECHOTUNE_REQUEST_TIMEOUT_MS": "20000",
    "ECHOTUNE_STORE_TIMEOUT_MS": "10000",
    "ECHOTUNE_STRATEGY_TIMEOUT_MS": "10000",
    "ECHOTUNE_PROBE_EVERY_S": "0",
    "ECHOTUNE_USER_LISTENS_PER_MINUTE": "0",
}
"""A busy machine is no difference between them, nor is what is learned of exposure in between."""
KINDS = ("one process", "three processes")
MOST_MS = 10.0
"""Of a p95 that is to stay below 100 ms."""


def microservices(*, quick: bool) -> Outcome:
    """Lists and profiles from one process, and with content and profiles elsewhere."""
    most, rounds = (QUICK_USERS, QUICK_ROUNDS) if quick else (USERS, ROUNDS)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "world"
        echotune(home, "demo", *WORLD)
        echotune(home, "train")
        users, tracks = names(home)
        users = users[:most]
        with _together(home, Path(folder) / "together") as ports:
            rows, bars = _lists(ports, users, rounds=rounds)
        with _apart(home, Path(folder) / "apart") as ports:
            more, others = _profiles(ports, users, tracks[0], rounds=rounds)
    return Outcome(
        rows=[*rows, *more],
        bars=[*bars, *others],
        params={"users": len(users), "rounds": rounds},
    )


BENCHES = {"microservices": microservices}


@contextmanager
def _together(home: Path, folder: Path) -> Iterator[dict[str, int]]:
    """The port of each kind, over one store."""
    with ExitStack() as stack:
        settings = stack.enter_context(_settings(home, folder))
        yield {kind: stack.enter_context(_api(kind, settings)) for kind in KINDS}


@contextmanager
def _apart(home: Path, folder: Path) -> Iterator[dict[str, int]]:
    """The port of each kind, over a store of its own."""
    with ExitStack() as stack:
        ports = {}
        for number, kind in enumerate(KINDS):
            settings = stack.enter_context(_settings(home, folder / f"{number}"))
            ports[kind] = stack.enter_context(_api(kind, settings))
        yield ports


@contextmanager
def _settings(home: Path, folder: Path) -> Iterator[dict[str, str]]:
    """Of every process of a house: a copy of the world, and two Redis."""
    shutil.copytree(home, folder / "data")
    for name in ("cache", "events"):
        (folder / name).mkdir()
    with (
        servers.valkey(folder / "cache") as cache,
        servers.valkey(folder / "events") as events,
    ):
        yield PATIENT | {
            "ECHOTUNE_DATA_DIR": str(folder / "data"),
            "ECHOTUNE_REDIS_URL": cache.url,
            "ECHOTUNE_EVENTS_REDIS_URL": events.url,
        }


@contextmanager
def _api(kind: str, settings: Mapping[str, str]) -> Iterator[int]:
    """The port of a process that makes everything itself, or asks two others."""
    with ExitStack() as stack:
        own = dict(settings)
        for role, name, value in PARTS if kind == KINDS[1] else ():
            own[name] = value + stack.enter_context(_served(role, settings))
        yield int(stack.enter_context(_served("api", own)).rpartition(":")[2])


@contextmanager
def _served(role: str, settings: Mapping[str, str]) -> Iterator[str]:
    """The address of a process of this role."""
    port = free_port(HOST)
    command = ["-P", "-m", "service", "serve", "--no-demo", "--role", role, "--port", str(port)]
    with running(command, port, settings):
        yield f"http://{HOST}:{port}"


def _lists(ports: dict[str, int], users: list[str], *, rounds: int) -> tuple[list[Row], list[Bar]]:
    took: dict[str, list[float]] = {kind: [] for kind in KINDS}
    other = compared = 0
    for number in range(rounds + 1):
        said: dict[str, list[bytes]] = {}
        for kind in _turned(number):
            ms, said[kind] = _round(
                ports[kind],
                [
                    f"/v1/users/{quote(user)}/recommendations?exclude=n{number}{KINDS.index(kind)}"
                    for user in users
                ],
            )
            took[kind] += ms if number else []  # the first round opens connections
        other += sum(not _same(one, two) for one, two in zip(*said.values(), strict=True))
        compared += len(users)
    return _figures("a list", took, other, compared)


def _profiles(
    ports: dict[str, int], users: list[str], track: str, *, rounds: int
) -> tuple[list[Row], list[Bar]]:
    took: dict[str, list[float]] = {kind: [] for kind in KINDS}
    other = compared = 0
    for number in range(rounds + 1):
        said: dict[str, list[bytes]] = {}
        for kind in _turned(number):
            _listen(ports[kind], users, track, number)
            paths = [f"/v1/users/{quote(user)}/profile" for user in users]
            ms, said[kind] = _round(ports[kind], paths)
            took[kind] += ms if number else []
        other += sum(not _same(one, two) for one, two in zip(*said.values(), strict=True))
        compared += len(users)
    return _figures("a profile", took, other, compared)


def _turned(number: int) -> tuple[str, ...]:
    return KINDS if number % 2 else KINDS[::-1]


def _listen(port: int, users: list[str], track: str, number: int) -> None:
    """One more listen of everybody, so that no profile that is kept will do."""
    connection = HTTPConnection(HOST, port)
    at = f"2026-01-01T00:{number:02}:00Z"
    listens = [{"id": f"p{number}", "user_id": user, "track_id": track, "at": at} for user in users]
    connection.request("POST", "/v1/listens", msgspec.json.encode(listens))
    answer = connection.getresponse()
    if answer.status != 202 or b'"rejected":[]' not in answer.read():
        raise RuntimeError(f"listens were not taken: {answer.status}")
    connection.close()


def _round(port: int, paths: list[str]) -> tuple[list[float], list[bytes]]:
    """Milliseconds and what was said, without what is new in every answer."""
    connection, took, said = HTTPConnection(HOST, port), [], []
    for path in paths:
        while True:
            start = perf_counter()
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 503 or b"/problems/overloaded" not in body:
                break
            sleep(0.2)  # others keep this machine busy: no difference between the two
        took.append((perf_counter() - start) * 1e3)
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {body[:300]!r}")
        said.append(NEW.sub(b"", body))
    connection.close()
    return took, said


def _same(one: bytes, two: bytes) -> bool:
    if SCORE.sub(b"", one) != SCORE.sub(b"", two):
        return False
    before, after = ([float(score) for score in SCORE.findall(said)] for said in (one, two))
    return np.allclose(before, after, rtol=0, atol=APART)


def _figures(
    what: str, took: dict[str, list[float]], other: int, compared: int
) -> tuple[list[Row], list[Bar]]:
    p95 = {kind: float(np.percentile(ms, 95)) for kind, ms in took.items()}
    median = {kind: float(np.median(ms)) for kind, ms in took.items()}
    rows = [
        Row(
            name=f"{what}, {kind}",
            median_ms=median[kind],
            p95_ms=p95[kind],
            ratio=None if kind == KINDS[0] else median[KINDS[0]] / median[kind],
            values={"made": len(took[kind]), "compared": compared, "others": other},
        )
        for kind in KINDS
    ]
    over_ms = p95[KINDS[1]] - p95[KINDS[0]]
    return rows, [
        bar(f"{what}: answers that are not the same", other, "<=", 0),
        bar(f"{what}: p95 overhead of three processes, ms", round(over_ms, 3), "<=", MOST_MS),
    ]
