"""Listeners as Locust plays them: lists, listens, feedback and profiles, with time to think.

    locust --headless --users 100 --spawn-rate 20 --run-time 30s --host http://127.0.0.1:8000

The run fails (exit code 1) when p95 is not below 100 ms or more than 0.1 % of the requests fail.
Users are u1, u2, ... of the demo world, drawn by Zipf(1.0): ECHOTUNE_LOAD_USERS says how many.
"""

import logging
import os
import random
from itertools import accumulate

from locust import FastHttpUser, between, events, task
from locust.env import Environment

P95_MS, MOST_ERRORS = 100, 0.001
USERS = int(os.environ.get("ECHOTUNE_LOAD_USERS", "200"))
SHARES = list(accumulate(1 / rank for rank in range(1, USERS + 1)))


def somebody() -> str:
    """A user; the first is asked for most."""
    return f"u{random.choices(range(1, USERS + 1), cum_weights=SHARES)[0]}"  # noqa: S311 - no secret


class Listener(FastHttpUser):
    """One client: 90 % lists, 7 % listens, 3 % feedback and profiles."""

    wait_time = between(0.05, 0.5)
    heard: str | None = None  # the first track of the last list

    @task(900)
    def recommendations(self) -> None:
        """Ask what comes next."""
        path = f"/v1/users/{somebody()}/recommendations?limit=20"
        with self.rest("GET", path, name="recommendations") as answer:
            lists = answer.js["recommendations"] if answer.js else []
            self.heard = lists[0]["track"]["id"] if lists else self.heard

    @task(70)
    def listen(self) -> None:
        """Play it."""
        self._post("/v1/listens", "play")

    @task(15)
    def feedback(self) -> None:
        """Like it."""
        self._post("/v1/feedback", "like")

    @task(15)
    def profile(self) -> None:
        """Look at what is believed."""
        self.client.get(f"/v1/users/{somebody()}/profile", name="profile")

    def _post(self, path: str, action: str) -> None:
        if self.heard is None:
            return
        body = {"user_id": somebody(), "track_id": self.heard, "action": action}
        if path == "/v1/listens":
            body["id"] = f"locust-{random.getrandbits(64):x}"
        self.client.post(path, json=body, name=path)


@events.quitting.add_listener
def judge(environment: Environment, **_: object) -> None:
    """Fail the run that was too slow or failed too often, or that asked nothing at all."""
    total = environment.stats.total
    p95 = total.get_response_time_percentile(0.95) or 0.0
    good = total.num_requests > 0 and p95 < P95_MS and total.fail_ratio <= MOST_ERRORS
    said = f"p95 {p95:.0f} ms (< {P95_MS}), errors {total.fail_ratio:.2%} (<= {MOST_ERRORS:.1%})"
    logging.getLogger("locust.main").info(said)
    environment.process_exit_code = 0 if good else 1
