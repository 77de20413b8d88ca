"""Kill -9 of the real server while listens come in: what was answered 202 is there, once."""

import os
import random
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

from tests.faults.serving import Service

SEED = 20261123
ROUNDS = 2
SENDERS = 4
TRACKS = [{"id": f"t{number}", "title": "Title", "artist": "Artist"} for number in range(5)]
RESPAWN_S = 20.0


class Sender(threading.Thread):
    """Posts listens of one user, one batch after the other, until the service is gone."""

    def __init__(self, service: Service, run: int, number: int) -> None:
        super().__init__(name=f"sender-{number}", daemon=True)
        self.url, self.run_number, self.user = service.url, run, f"user{number}"
        self.sent: list[dict[str, Any]] = []
        self.acked: list[dict[str, Any]] = []

    def run(self) -> None:
        with httpx.Client(base_url=self.url, timeout=10) as client:
            for number in range(100_000):
                batch = [
                    {
                        "user_id": self.user,
                        "track_id": f"t{number % len(TRACKS)}",
                        "id": f"{self.run_number}-{number}-{part}",
                    }
                    for part in range(1 + number % 4)
                ]
                self.sent += batch
                try:
                    answer = client.post("/v1/listens", json=batch)
                except httpx.TransportError:
                    return
                assert answer.status_code == 202, answer.text
                self.acked += batch


def listens_of(service: Service, user: str) -> Counter[str]:
    """How often each id is in the pages of a user's listens."""
    found: Counter[str] = Counter()
    query: dict[str, Any] = {"limit": 1000}
    while True:
        page = service.get(f"/v1/users/{user}/listens", **query)
        found.update(one["id"] for one in page["listens"])
        if page["next"] is None:
            return found
        query["before"] = page["next"]


def missing(service: Service, senders: list[Sender]) -> list[tuple[str, str, int]]:
    """Every listen answered 202 that is not there exactly once."""
    wrong = []
    for sender in senders:
        found = listens_of(service, sender.user)
        ids = [one["id"] for one in sender.acked]
        wrong += [
            (sender.user, listen_id, found[listen_id]) for listen_id in ids if found[listen_id] != 1
        ]
    return wrong


def test_every_answered_listen_survives_kill_9(data: Path) -> None:
    """Rounds of: send from several threads, kill mid-stream, start again, look, send all again."""
    draw, service = random.Random(SEED), Service(data)
    senders: list[Sender] = []
    service.start()
    try:
        assert service.put("/v1/tracks", TRACKS).status_code == 200
        for run in range(ROUNDS):
            started = [Sender(service, run, number) for number in range(SENDERS)]
            for sender in started:
                sender.start()
            time.sleep(draw.uniform(0.3, 1.0))
            service.kill()
            for sender in started:
                sender.join(20)
            senders += started
            service.start()

            assert all(sender.acked for sender in started)
            assert [] == missing(service, senders)

        for sender in senders:
            receipts = [
                service.post("/v1/listens", sender.sent[start : start + 1000]).json()
                for start in range(0, len(sender.sent), 1000)
            ]
            accepted = sum(one["accepted"] for one in receipts)
            duplicates = sum(one["duplicates"] for one in receipts)
            assert len(sender.sent) == accepted + duplicates
            assert len(sender.acked) <= duplicates
        for user in {sender.user for sender in senders}:
            sent = {one["id"] for sender in senders if sender.user == user for one in sender.sent}
            assert Counter(sent) == listens_of(service, user)
    finally:
        service.stop()


def test_a_killed_worker_is_replaced(data: Path) -> None:
    """The main process stays, another worker answers, and what was answered 202 is there."""
    with Service(data) as service:
        assert service.put("/v1/tracks", TRACKS).status_code == 200
        sender = Sender(service, 0, 0)
        sender.start()
        time.sleep(0.5)
        (worker,) = service.workers()
        os.kill(worker, signal.SIGKILL)
        sender.join(20)

        until = time.monotonic() + RESPAWN_S
        while (workers := service.workers()) in ([], [worker]) and time.monotonic() < until:
            time.sleep(0.05)
        service.wait_ready()

        assert worker not in workers
        assert sender.acked
        assert [] == missing(service, [sender])
        assert service.post("/v1/listens", sender.sent[:1]).json()["duplicates"] == 1
