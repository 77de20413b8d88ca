"""EchoTune as its parts: an API process, those it asks and those that work for it.

Each is to be killed, frozen and started again. Whoever asks meanwhile is a `Crowd`.
"""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from tests import servers
from tests.faults.serving import READY_S, Service, fill, shed
from tests.faults.together import Together

CLIENTS = 2
STRATEGY_MS = "1000"
"""A busy test machine is given more than the 50 ms of a cluster."""
LITTLE = str(4 << 20)
"""Full after some minutes of lists that nobody asks for twice: what grows then is a leak."""


class Behind(Service):
    """A role that answers nothing but /metrics."""

    def __init__(self, data: Path, *options: str, env: dict[str, str]) -> None:
        super().__init__(data, *options, env=env)
        self._env["ECHOTUNE_METRICS_PORT"] = str(self.port)

    def wait_ready(self) -> None:
        until = time.monotonic() + READY_S
        while time.monotonic() < until and self.ended() is None:
            try:
                if httpx.get(f"{self.url}/metrics", timeout=2).status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError(f"the process did not become ready:\n{self.log[-2000:]}")


class Parts(Together):
    """All of it, running for as long as the `with`; they share a store and two Redis."""

    def __init__(
        self, folder: Path, data: Path, *, api: type[Service] = Service, all_of_it: bool = False
    ) -> None:
        self._folder, self._data, self._kind, self._all = folder, data, api, all_of_it
        super().__init__()
        self.services: dict[str, Service] = {}
        self.redis: dict[str, servers.Server] = {}

    @property
    def api(self) -> Service:
        return self.services["api"]

    def _start(self) -> None:
        for name in ("cache", "events"):
            (self._folder / name).mkdir()
            self.redis[name] = servers.valkey(self._folder / name)
            self._running.enter_context(self.redis[name])
        env = {
            "ECHOTUNE_REDIS_URL": self.redis["cache"].url,
            "ECHOTUNE_EVENTS_REDIS_URL": self.redis["events"].url,
            "ECHOTUNE_REDIS_TIMEOUT_MS": "200",
            "ECHOTUNE_STRATEGY_TIMEOUT_MS": STRATEGY_MS,
            "ECHOTUNE_USER_LISTENS_PER_MINUTE": "0",
            "ECHOTUNE_LOCAL_CACHE_BYTES": LITTLE,
        }
        with Service(self._data) as whole:  # it fits a model, which in parts is for a worker
            fill(whole)
            _fit(whole)
        for role in ("profiles", "content"):
            self._serve(role, Service(self._data, "--role", role, env=env))
        if self._all:
            for role in ("worker", "learner"):
                self._serve(role, Behind(self._data, "--role", role, env=env))
        env |= {
            "ECHOTUNE_STRATEGY_SERVICES": f"content={self.services['content'].url}",
            "ECHOTUNE_PROFILES_SERVICE": self.services["profiles"].url,
        }
        self._serve("api", self._kind(self._data, "--role", "api", env=env))

    def _serve(self, role: str, service: Service) -> None:
        self.services[role] = service
        self._running.enter_context(service)

    def take(self, part: str, how: str) -> None:
        """Kill -9 of it, as a machine would, or SIGSTOP."""
        if how == "frozen":
            self._signal(part, signal.SIGSTOP)
        elif part in self.redis:
            self._signal(part, signal.SIGKILL)
            self.redis[part].stop()
        else:
            self.services[part].kill()

    def give_back(self, part: str, how: str) -> None:
        """At the address of before."""
        if how == "frozen":
            self._signal(part, signal.SIGCONT)
        elif part in self.redis:
            self.redis[part].start(again=True)
        else:
            self.services[part].start()

    def _signal(self, part: str, what: signal.Signals) -> None:
        if part in self.redis:
            pids = [self.redis[part].pid]
        else:
            service = self.services[part]
            pids = [service.pid, *service.workers()]
        for pid in pids:
            os.kill(pid, what)


def _fit(service: Service) -> None:
    job = service.post("/v1/models", {}).json()["job_id"]
    until = time.monotonic() + READY_S
    while service.get(f"/v1/jobs/{job}")["status"] != "done":
        assert time.monotonic() < until, "the fit does not end"
        time.sleep(0.1)


class Crowd:
    """Asks for lists and profiles that nobody keeps, and listens; counts what comes."""

    def __init__(self, url: str) -> None:
        self._url, self._numbers, self.stopped = url, count(), False
        self.acked = list[tuple[str, str]]()
        self.forget()

    def forget(self) -> None:
        """Count anew."""
        self.statuses, self.tiers, self.content = Counter[int](), Counter[str](), Counter[str]()
        self.took_s, self.shed = list[float](), 0
        self.untold = 0  # listens, while the stream of events is down

    @property
    def errors(self) -> dict[int, int]:
        """Answers of 5xx, and 0 for those that never came."""
        return {status: n for status, n in self.statuses.items() if status >= 500 or not status}

    async def ask(self) -> None:
        async with httpx.AsyncClient(base_url=self._url, timeout=30) as client:
            while not self.stopped:
                start = time.monotonic()
                try:
                    await self._once(client, next(self._numbers))
                except httpx.TransportError:
                    self.statuses[0] += 1
                self.took_s.append(time.monotonic() - start)
                await asyncio.sleep(0.01)

    async def _once(self, client: httpx.AsyncClient, number: int) -> None:
        user = f"jazz-u{number % 7}"
        if number % 3 == 0:
            listen = {"id": f"c{number}", "user_id": user, "track_id": "jazz00"}
            at = f"2026-01-01T00:{number // 60 % 60:02}:{number % 60:02}Z"
            # 503 if the stream of events is down: whoever listens keeps it and comes again.
            answer = await client.post("/v1/listens", json={**listen, "at": at})
            if answer.status_code == 503 and "bus-unavailable" in answer.text:
                self.untold += 1
                return
            if answer.status_code == 202:
                self.acked.append((user, listen["id"]))
        elif number % 3 == 1:
            answer = await client.get(f"/v1/users/{user}/profile")
        else:
            path = f"/v1/users/{user}/recommendations?exclude=x{number}"
            answer = await client.get(path)
            if answer.status_code == 200:
                page: dict[str, Any] = answer.json()
                self.tiers[page["tier"]] += 1
                self.content[page["strategies"]["content"]] += 1
        if shed(answer):
            self.shed += 1
        else:
            self.statuses[answer.status_code] += 1


@asynccontextmanager
async def crowd(url: str) -> AsyncIterator[Crowd]:
    """Clients that ask until the end of the `with`."""
    asking = Crowd(url)
    tasks = [asyncio.create_task(asking.ask()) for _ in range(CLIENTS)]
    try:
        yield asking
    finally:
        asking.stopped = True
        await asyncio.gather(*tasks)
