"""Workers map one model and share its memory; none has a copy of its own."""

import os
import time
from pathlib import Path

import httpx
import numpy as np
from msgspec import Struct
from msgspec.json import encode

from service.domain import Listen
from tests import worlds
from tests.faults.serving import Service, two_workers
from tests.faults.test_server_life import URL
from tests.faults.test_workers import wait_until_all_know


class Mapped(Struct):
    """What a process has of one file, in kB."""

    resident: int = 0
    shared: int = 0
    dirty: int = 0  # a copy of its own


def mapped(pid: int, folder: Path) -> dict[str, Mapped]:
    """The arrays below `folder` that a process has mapped, by path."""
    found: dict[str, Mapped] = {}
    path = ""
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        first, *rest = line.split()
        if not first.endswith(":"):
            path = rest[-1] if len(rest) == 5 and rest[-1].startswith(str(folder)) else ""
            if path:
                found.setdefault(path, Mapped())
        elif path:
            one = found[path]
            one.resident += int(rest[0]) if first == "Rss:" else 0
            one.shared += int(rest[0]) if first in ("Shared_Clean:", "Shared_Dirty:") else 0
            one.dirty += int(rest[0]) if first == "Private_Dirty:" else 0
    return found


def test_two_workers_have_the_arrays_of_a_model_once(data: Path, tmp_path: Path) -> None:
    with two_workers(data, tmp_path / "valkey", Service) as service:
        httpx.put(f"{service.url}/v1/tracks", content=encode(worlds.tracks()), timeout=20)
        wait_until_all_know(service, "jazz00")
        version = fitted(service, worlds.listens())
        until_all_serve(service, version)
        folder, until = data / "models" / version, time.monotonic() + 30
        while True:  # a worker maps the model when it hears of it, and its pages when it looks
            one, other = (mapped(pid, folder) for pid in service.workers())
            if one and one.keys() == other.keys() and sum(a.shared for a in one.values()):
                break
            assert time.monotonic() < until, (one, other)
            time.sleep(0.1)

    for array in (*one.values(), *other.values()):
        assert 0 == array.dirty


def fitted(service: Service, listens: list[Listen]) -> str:
    """The version of a model that is fitted when these listens have come, too."""
    sent = httpx.post(f"{service.url}/v1/listens", content=encode(listens), timeout=20)
    assert 0 == len(sent.json()["rejected"]), sent.text
    job_id = service.post("/v1/models", {}).json()["job_id"]
    until = time.monotonic() + 60
    while (job := service.get(f"/v1/jobs/{job_id}"))["status"] != "done":
        assert time.monotonic() < until, f"{job}\n{service.get('/v1/jobs')}\n{service.log}"
        time.sleep(0.05)
    return str(service.get("/v1/models")["models"][0]["version"])


def until_all_serve(service: Service, version: str) -> None:
    """Return when 20 new connections in a row are answered by this version."""
    until, row = time.monotonic() + 30, 0
    while row < 20:
        assert time.monotonic() < until, service.log
        answer = httpx.get(service.url + URL, timeout=5).json()
        row = row + 1 if answer["model_version"] == version else 0


def test_an_array_that_was_read_is_not_taken_for_a_mapped_one(tmp_path: Path) -> None:
    """The control."""
    path = tmp_path / "array.npy"
    np.save(path, np.ones(100_000, np.float32))
    read, of_file = np.load(path), np.load(path, mmap_mode="r")

    assert [str(path)] == list(mapped(os.getpid(), tmp_path))
    assert read.sum() == of_file.sum()
    changed = np.load(path, mmap_mode="c")
    changed[:] = 2
    assert mapped(os.getpid(), tmp_path)[str(path)].dirty > 0
