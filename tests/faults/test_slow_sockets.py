"""Two hundred clients that never finish their headers, two hundred that never finish a body."""

import resource
import socket
import time
from pathlib import Path

import httpx
import numpy as np

from service.api.bodies import WITHIN_S
from service.cli.serving import HEADER_TIMEOUT_MS
from tests.faults.serving import Service
from tests.faults.sizes import FULL, say, size
from tests.servers import HOST

EACH = size(40, 200)
FILES = 256  # that the server may open: fewer than there are slow sockets
OWN = 56
"""Files that the server has open for itself: whoever finds no other waits until some are closed."""
WAVES = -(-2 * EACH // (FILES - OWN)) if FULL else 1
CLOSED_WITHIN_S = max(WITHIN_S, HEADER_TIMEOUT_MS / 1000) + 1.0
SLOW_HEADER = b"GET /health/live HTTP/1.1\r\nhost: x\r\n"
SLOW_BODY = (
    b"POST /v1/listens HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    b"content-length: 1000\r\n\r\n["
)


def held_open(service: Service) -> list[socket.socket]:
    lines = []
    for start in (SLOW_HEADER, SLOW_BODY):
        for _ in range(EACH):
            line = socket.create_connection((HOST, service.port), timeout=5)
            line.sendall(start)
            line.setblocking(False)
            lines.append(line)
    return lines


def closed(line: socket.socket) -> bool:
    """Whether the server has hung up; what it said before is read."""
    try:
        while line.recv(65_536):
            pass
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def test_good_requests_are_answered_and_slow_sockets_closed(data: Path) -> None:
    with Service(data) as service, httpx.Client(base_url=service.url, timeout=5) as client:
        assert 200 == client.get("/health/live").status_code
        for worker in service.workers() if FULL else ():
            resource.prlimit(worker, resource.RLIMIT_NOFILE, (FILES, FILES))
        lines, gone = held_open(service), list[tuple[float, int]]()
        start, spent, left = time.monotonic(), [], list(lines)
        while left and time.monotonic() - start < CLOSED_WITHIN_S * WAVES:
            asked = time.monotonic()
            assert 200 == client.get("/v1/users/u1/recommendations").status_code
            spent.append(time.monotonic() - asked)
            left = [line for line in left if not closed(line)]
            gone.append((time.monotonic() - start, len(lines) - len(left)))
            time.sleep(0.02)
        p95_s = float(np.percentile(spent, 95))
        for line in lines:
            line.close()

    for wave in range(1, WAVES + 1):
        by_then = [count for at, count in gone if at <= CLOSED_WITHIN_S * wave]
        say(f"{by_then[-1]} of {len(lines)} closed after {CLOSED_WITHIN_S * wave} s; {p95_s=:.3f}")
        assert by_then[-1] >= min(len(lines), (FILES - OWN) * wave)
    assert not left
    assert p95_s < (0.1 if FULL else 1.0)


class Patient(Service):
    """A server whose limits are an hour."""

    command = (
        "-c",
        (
            "import sys; from service.cli import main, serving;"
            "from service.api.bodies import Bodies;"
            "serving.HEADER_TIMEOUT_MS = 3_600_000;"
            "Bodies.__init__.__kwdefaults__['within_s'] = 3600.0;"
            "sys.exit(main())"
        ),
    )


def test_without_time_limits_they_stay(data: Path) -> None:
    """The control: the same sockets at a server that is patient."""
    with Patient(data) as service:
        lines = held_open(service)
        time.sleep(CLOSED_WITHIN_S)
        stayed = [line for line in lines if not closed(line)]
        for line in lines:
            line.close()

    assert len(lines) == len(stayed)
