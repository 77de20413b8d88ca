"""Listens as players send them over a bad line: some again and again, none in order."""

import queue
import random
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

Event = dict[str, Any]

USERS, TRACKS = 50, 20
AGAIN_SHARE, MOST_TIMES = 0.1, 5
SENDERS = 6
PAUSE_S = 0.05
ANSWER_S = 15.0
TRACK_BODIES = [{"id": f"t{n}", "title": f"Title {n}", "artist": "Artist"} for n in range(TRACKS)]


def events(count: int, *, seed: int, users: int = USERS, days_ago: int = 1) -> list[Event]:
    """So many different ones; half of them leave their id to the service."""
    draw, now = random.Random(seed), datetime.now(UTC).replace(microsecond=0)
    made = []
    for number in range(count):
        event = {
            "user_id": f"u{number % users}",
            "track_id": f"t{draw.randrange(TRACKS)}",
            "at": (now - timedelta(days=days_ago) + timedelta(milliseconds=number)).isoformat(),
        }
        made.append(event | ({"id": f"e{number}"} if number % 2 else {}))
    return made


def batches(made: Sequence[Event], size: int, *, seed: int) -> list[list[Event]]:
    """A tenth of them 2 to 5 times, all shuffled, in requests of `size`."""
    draw = random.Random(seed)
    sent = list(made)
    for event in draw.sample(made, int(len(made) * AGAIN_SHARE)):
        sent += [event] * draw.randint(1, MOST_TIMES - 1)
    draw.shuffle(sent)
    return [sent[start : start + size] for start in range(0, len(sent), size)]


class Deliveries:
    """Several senders, each of which sends a request until it is answered 202."""

    def __init__(self, url: str, waiting: Sequence[Sequence[Event]]) -> None:
        self._url, self.total = url, len(waiting)
        self.acknowledged = self.failed = 0
        self.refused: list[str] = []
        self._waiting: queue.SimpleQueue[Sequence[Event]] = queue.SimpleQueue()
        for batch in waiting:
            self._waiting.put(batch)
        self._lock, self._over = threading.Lock(), threading.Event()
        self._senders = [threading.Thread(target=self._send, daemon=True) for _ in range(SENDERS)]

    def start(self) -> None:
        for sender in self._senders:
            sender.start()

    def wait_for(self, share: float, *, within_s: float) -> None:
        """Return when so much of it was acknowledged.

        Raises:
            TimeoutError
        """
        until = time.monotonic() + within_s
        while self.acknowledged < share * self.total:
            if time.monotonic() > until:
                raise TimeoutError(f"{self.acknowledged} of {self.total} were acknowledged")
            time.sleep(0.01)

    def stop(self) -> None:
        self._over.set()
        for sender in self._senders:
            sender.join(ANSWER_S)

    def _send(self) -> None:
        client = httpx.Client(base_url=self._url, timeout=ANSWER_S)
        while not self._over.is_set():
            try:
                batch = self._waiting.get(timeout=PAUSE_S)
            except queue.Empty:
                continue
            try:
                answer = client.post("/v1/listens", json=list(batch))
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code == 202:
                with self._lock:
                    self.acknowledged += 1
                    self.refused += [one["error"] for one in answer.json()["rejected"]]
                continue
            self._waiting.put(batch)  # later, and after others: retries do not come in order
            with self._lock:
                self.failed += 1
            time.sleep(PAUSE_S)
        client.close()
