"""Whether a service that is asked all day grows: resident memory at half load, minute by minute.

Six minutes fill the caches, which are as large as by default; then ten are watched (SOAK_MINUTES
for more). Zipf users, 5 % listens, sent at intended times.
"""

import os
import tempfile
import threading
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Self

import numpy as np

from bench.harness import Outcome, Row, bar
from bench.load_service import Service, service
from bench.load_traffic import traffic
from bench.load_world import names, world
from bench.open_loop import open_loop
from bench.picture import bars as draw

HALF_LOAD = 500.0
"""Requests a second: half of what `./dev load` gets served of this world by this machine."""
WARM_S, EVERY_S = 360, 0.5
MINUTES = int(os.environ.get("SOAK_MINUTES", "10"))
LOCAL_BYTES = 64 << 20


def soak(*, quick: bool) -> Outcome:
    """Growth of the largest worker from the first to the last minute watched."""
    warm_s, minutes, minute_s = (4, 3, 2) if quick else (WARM_S, MINUTES, 60)
    with tempfile.TemporaryDirectory() as folder:
        home = world(Path(folder), quick=quick)
        users, tracks = names(home)
        with service(home, workers=2, local_bytes=LOCAL_BYTES) as many, Watch(many) as watch:
            start = perf_counter()
            done = open_loop(
                many.address,
                traffic(users, tracks, seed=1),
                rate=HALF_LOAD,
                seconds=warm_s + minutes * minute_s,
            )
    edges = [start + warm_s + minute * minute_s for minute in range(minutes + 1)]
    resident = [watch.median_mb(*edge) for edge in pairwise(edges)]
    if not quick:
        groups = {f"minute {number}": {"RSS": mb} for number, mb in enumerate(resident, 1)}
        draw("soak", "Memory of the largest worker at half load", "MB", groups)
    return Outcome(
        rows=[
            Row(name=f"minute {number}", values={"RSS MB": round(mb, 1)})
            for number, mb in enumerate(resident, 1)
        ]
        + [Row(name="answered", values={"share": round(float(np.mean(done.status > 0)), 5)})],
        bars=[
            bar("growth of memory", round(resident[-1] / resident[0] - 1, 4), "<=", 0.01),
            bar("share answered", float(np.mean(done.status > 0)), ">=", 0.999),
        ],
        params={"req/s": HALF_LOAD, "minutes": minutes},
    )


BENCHES = {"soak": soak}


class Watch(threading.Thread):
    """Looks at a service's memory every few seconds."""

    def __init__(self, watched: Service) -> None:
        super().__init__(daemon=True)
        self._watched, self._over = watched, threading.Event()
        self.seen: list[tuple[float, float]] = []

    def run(self) -> None:
        while not self._over.wait(EVERY_S):
            self.seen.append((perf_counter(), self._watched.rss_mb()))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    def median_mb(self, start: float, stop: float) -> float:
        """Between two moments."""
        return float(np.median([mb for at, mb in self.seen if start <= at < stop]))
