"""What a service that is measured has done before."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench import load_service
from bench.load_service import Service


@contextmanager
def running(code: str) -> Iterator[Service]:
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        try:
            yield Service(("127.0.0.1", 0), Path(os.devnull), process.pid)
        finally:
            process.kill()


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_service, "LOOK_S", 0.5)
    monkeypatch.setattr(load_service, "CAUGHT_UP_WITHIN_S", 3.0)


def test_a_service_that_works_for_nobody_is_measured() -> None:
    with running("import time; time.sleep(60)") as idle:
        load_service._wait_until_idle(idle)


def test_a_service_that_still_learns_is_waited_for_and_then_said_to_be_busy() -> None:
    with (
        running("while True: pass") as busy,
        pytest.raises(RuntimeError, match="still busy 3 s after its start"),
    ):
        load_service._wait_until_idle(busy)
