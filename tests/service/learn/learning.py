"""A process that may learn, over real adapters, for tests."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import anyio

from service.bus import ListenStored
from service.bus.lease import Lease, MemoryLease
from service.bus.memory import MemoryStream
from service.bus.patches import Patches
from service.domain import Listen
from service.learn.following import Following
from service.learn.learned import Learned
from service.learn.online import Learner
from service.learn.photograph import taken
from service.learn.snapshot import Snapshots
from service.model.current import Current
from service.model.version import BlendWeights, Model
from service.store.memory import MemoryStore
from tests import worlds
from tests.service import given as make
from tests.service.given import NOON


class Process:
    """A process that may learn: its own memory, and what it shares with the others."""

    def __init__(
        self,
        folder: Path,
        *,
        store: MemoryStore | None = None,
        stream: MemoryStream | None = None,
        lease: Lease | None = None,
        patches: Patches | None = None,
        outlives: bool = True,
    ) -> None:
        self.store, self.stream = store or MemoryStore(), stream or MemoryStream()
        self.current, self.lease = Current(lambda: NOON), lease or MemoryLease()
        self.current.add_tracks(worlds.tracks())
        self.current.model = fitted(self.current)
        self.learner = Learner(
            self.store,
            self.stream,
            self.current,
            Snapshots(folder),
            self.lease,
            patches=patches,
            outlives=outlives,
            recent=1_000,
            clock=lambda: NOON,
        )
        self.following = Following(
            self.current, self.lease, learner=self.learner, patches=patches, ask_every_s=0.01
        )

    async def heard(self, *listens: Listen, told: bool = True) -> None:
        await self.store.append(listens)
        if told:
            await self.stream.publish([ListenStored(list(listens))])

    async def catch_up(self) -> Learned:
        """All that the stream has, as the loop does."""
        while entries := await self.stream.read(self.learner.learned.place, limit=3):
            await self.learner.hear(entries)
        return self.learner.learned

    def plays(self) -> list[float]:
        return self.current.trending.counts(NOON, 3).tolist()


def fitted(current: Current, **more) -> Model:
    latent = make.latent(current.catalogue.size, 4)
    blend = BlendWeights(online=0.5)
    return make.model(current.catalogue, [], **({"latent": latent, "blend": blend} | more))


def bits(learned: Learned) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in taken(learned)[0].items()}


def jazz(number: int, *, track: int = 0, user: str = "") -> Listen:
    """A listen of somebody who has listened to nothing else, if no other is said."""
    return make.listen(f"jazz{track:02}", id=f"l{number}", user_id=user or f"u{number}")


async def until(holds: Callable[[], bool]) -> None:
    with anyio.fail_after(20):
        while not holds():  # noqa: ASYNC110 - another task does it
            await asyncio.sleep(0.01)
