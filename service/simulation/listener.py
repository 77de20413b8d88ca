"""One listener who never existed: what they like, and how a list makes them feel.

Liking comes from their tastes (the scenes of `service.doors.demo`) and from artists they happen to
care for. Hearing a track again wears it out and so does one artist after the other; skipping costs
patience, and whoever is disappointed for long does not come back.
"""

from hashlib import blake2b

import numpy as np
from msgspec import Struct
from numpy.random import Generator
from numpy.typing import NDArray

WORN = 0.75
"""What a track is worth the next time, of what it was worth before; it recovers by half a week."""
BORED = 0.6
PATIENCE, SKIP_COSTS, JOY = 4.0, 1.0, 0.25
MOST_PLAYS = 25
CALM, MOVED = 0.7, 0.3
LOW = 0.25
COMFORTS, SHELF = 6, 30
CHURN = 0.25
RATES, CURIOUS = 0.08, 0.35


class Heard(Struct, frozen=True):
    """What became of one place of a list."""

    place: int
    skipped: bool
    share: float  # of the track that was played
    stars: float | None  # when they rated it


class Person(Struct):
    """Somebody; `mood` 0..1 decides whether they come back."""

    user_id: str
    weights: NDArray[np.float64]  # (scenes,) how much they like each, at best 1
    hasty: float  # how easily they skip
    active: float  # chance of a session a day, when all is well
    mood: float = 0.6
    gone: bool = False
    cross: bool = False  # the last list tried their patience
    worn: dict[int, float] = {}
    shelf: list[int] = []  # what they have loved for long, and play when a list does not please

    def comes(self, rng: Generator) -> bool:
        """Whether they listen today."""
        return not self.gone and rng.random() < self.active * (0.4 + self.mood)

    def liking(self, row: int, scene: int, artist: int) -> float:
        """How much they like a track now, 0..1."""
        told = blake2b(f"{self.user_id}\0{artist}".encode(), digest_size=4).digest()
        care = int.from_bytes(told) / 2**32
        base = 0.65 * self.weights[scene] + 0.35 * care
        return float(base * self.worn.get(row, 1.0))

    def session(
        self, rows: NDArray[np.int64], scenes: NDArray[np.int64], artists: NDArray[np.int64],
        rng: Generator,
    ) -> list[Heard]:  # fmt: skip
        """Go through a list until patience or time is up, and remember how it was."""
        patience, joy, before = PATIENCE, list[float](), -1
        heard: list[Heard] = []
        for place, row in enumerate(rows.tolist()[:MOST_PLAYS]):
            like = self.liking(row, int(scenes[place]), int(artists[place]))
            like *= BORED if artists[place] == before else 1.0
            before = int(artists[place])
            skipped = bool(rng.random() < self.hasty * (1.15 - like))
            stars = None
            if rng.random() < RATES:
                stars = float(np.clip(round(2 * (1 + 4 * like + rng.normal(0, 0.3))) / 2, 0.5, 5))
            share = rng.uniform(0.02, 0.12) if skipped else rng.uniform(0.7, 1.0)
            heard.append(Heard(place, skipped, float(share), stars))
            self.worn[row] = self.worn.get(row, 1.0) * (1.0 if skipped else WORN)
            joy.append(0.0 if skipped else like)
            patience += -SKIP_COSTS if skipped else JOY * like - CURIOUS
            if patience <= 0:
                break
        self.cross = patience <= 0
        self.mood = CALM * self.mood + MOVED * min(1.5 * float(np.mean(joy)), 1.0)
        if self.mood < LOW and rng.random() < CHURN:
            self.gone = True
        return heard

    def comforts(self, rng: Generator) -> list[int]:
        """What they put on themselves after a list; more when it was not to their liking."""
        most = min(len(self.shelf), COMFORTS if self.cross else 1)
        return [int(row) for row in rng.choice(self.shelf, most, replace=False)] if most else []

    def sleep(self) -> None:
        """A night: what was heard too often recovers a little."""
        self.worn = {row: 1 - (1 - left) * 0.8 for row, left in self.worn.items() if left < 0.98}
