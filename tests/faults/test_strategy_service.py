"""One strategy in a server of its own: killed, frozen and back, while lists go on."""

import os
import signal
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.faults.serving import Service, fill
from tests.faults.sizes import say

NUMBERS = count()


def content(front: Service) -> tuple[str, int, float]:
    """What became of content on a list nobody has kept, its length, and seconds it took."""
    number = next(NUMBERS)
    start = time.monotonic()
    page = front.get(
        "/v1/users/jazz-u0/recommendations", limit=5 + number % 90, exclude=f"x{number}"
    )
    took_s = time.monotonic() - start
    assert "ok" == page["strategies"]["trending"]
    return page["strategies"]["content"], len(page["recommendations"]), took_s


def until(front: Service, outcome: str) -> None:
    """Ask until content comes out so; the breaker looks once a second."""
    for _ in range(60):
        found, _, _ = content(front)
        if found == outcome:
            return
        time.sleep(0.25)
    raise AssertionError(f"content is never {outcome}: {front.log[-2000:]}")


@pytest.fixture
def both(data: Path, kernels: Path) -> Iterator[tuple[Service, Service]]:
    """A server that makes lists, and the one it asks about content."""
    other = data.parent / "other"
    other.mkdir()
    (other / "kernels").symlink_to(kernels)
    with Service(other) as service:
        fill(service)
        env = {
            "ECHOTUNE_STRATEGY_SERVICES": f"content={service.url}",
            "ECHOTUNE_STRATEGY_TIMEOUT_MS": "1000",
        }
        with Service(data, env=env) as front:
            fill(front)
            yield front, service


def test_lists_go_on_without_a_strategy_whose_server_is_gone(both: tuple[Service, Service]) -> None:
    front, service = both
    until(front, "ok")

    service.kill()
    gone = [content(front) for _ in range(20)]
    say(f"killed: {[outcome for outcome, _, _ in gone]}, longest {max(s for *_, s in gone):.3f} s")
    assert {"failed"} == {outcome for outcome, _, _ in gone}
    assert all(length for _, length, _ in gone)

    service.start()
    until(front, "ok")


def test_lists_go_on_without_a_strategy_whose_server_is_frozen(
    both: tuple[Service, Service],
) -> None:
    """The first few wait for their time and go without it; then the breaker spares them that."""
    front, service = both
    until(front, "ok")

    workers = [service.pid, *service.workers()]
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    try:
        frozen = [content(front) for _ in range(12)]
    finally:
        for pid in workers:
            os.kill(pid, signal.SIGCONT)
    say(f"frozen: {[(outcome, round(took_s, 3)) for outcome, _, took_s in frozen]}")
    assert {outcome for outcome, _, _ in frozen} <= {"late", "failed"}
    assert all(length for _, length, _ in frozen)
    assert sum(took_s < 0.9 for _, _, took_s in frozen) >= 4  # a control: at first they wait
    assert frozen[0][2] >= 0.9

    until(front, "ok")
