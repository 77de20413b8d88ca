"""Fits models, publishes them, brings old ones back."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import anyio.to_thread
import numpy as np
import structlog
from msgspec import structs

from service import metrics
from service.bus import Bus, ModelPublished
from service.errors import ModelNotReady, UnknownModel
from service.jobs import Progress
from service.learn.interactions import read_interactions
from service.learn.prices import DEFAULT, Target
from service.learn.training import fit_model
from service.learn.versions import Versions
from service.learn.weights import read_weights
from service.model import files
from service.model.current import Current
from service.model.version import Model
from service.store import Store

log = structlog.get_logger()

FEWEST_LISTENERS = 2
FEWEST_PAIRS = 10
"""User-track pairs below which a fit would only learn noise."""


class Trainer:
    """The model versions of one data folder."""

    def __init__(
        self,
        store: Store,
        bus: Bus,
        current: Current,
        folder: Path,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        target: Target = DEFAULT,
        weights: Path | None = None,
    ) -> None:
        self._store, self._bus, self._current = store, bus, current
        self._folder, self._clock, self._target = folder, clock, target
        self._weights = weights
        self._versions = Versions(folder, store.models)

    @property
    def serving(self) -> str | None:
        """The version that answers now."""
        return self._current.model.version if self._current.model else None

    async def published(self) -> str | None:
        """The version that was activated last, by whichever process.

        Raises:
            StoreUnavailable
        """
        return await self._versions.current()

    def versions(self) -> list[files.Manifest]:
        """What the data folder keeps, oldest first."""
        return files.versions(self._folder)

    async def fit(self, progress: Progress) -> None:
        """Fit on everything stored, save, serve.

        Raises:
            ModelNotReady: there is too little to learn from.
            Invalid: the file of exposure weights cannot be used.
        """
        catalogue = self._current.catalogue
        interactions = await read_interactions(self._store.listens(), catalogue)
        if interactions.matrix.nnz < FEWEST_PAIRS:
            raise ModelNotReady(
                f"{interactions.matrix.nnz} likes or plays are too few to learn from:"
                " import listens first"
            )
        listeners = np.count_nonzero(np.diff(interactions.matrix.indptr))
        if listeners < FEWEST_LISTENERS:
            raise ModelNotReady(
                "all likes and plays are of one listener: it takes several to learn from"
            )
        target = self._target
        if self._weights is not None:
            weights = await anyio.to_thread.run_sync(read_weights, self._weights, catalogue)
            target = structs.replace(target, weights=weights)
        progress(0.1)
        now = self._clock()
        version = f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"

        def work() -> Model:
            model = fit_model(
                interactions,
                catalogue,
                version=version,
                fitted_at=now,
                target=target,
                progress=lambda share: progress(0.1 + 0.85 * share),
            )
            files.save(model, [brief.id for brief in catalogue.briefs], self._folder)
            return model

        await anyio.to_thread.run_sync(work)
        await self.activate(version)

    async def activate(self, version: str) -> None:
        """Serve `version` from the next request on, and after a restart.

        Raises:
            UnknownModel: it is not kept, or must not be served.
            StoreUnavailable: other processes cannot be given it.
            BusUnavailable, Overloaded: it serves, but not everybody knows; activate it again.
        """
        model = await self._load(version)
        await self._versions.activate(version)
        await self._serve(model)
        await self._bus.send(ModelPublished(version))

    async def resume(self) -> None:
        """Serve what was activated last; else go on as now, or with the newest version that loads.

        Raises:
            StoreUnavailable: nobody can tell what was.
        """
        wanted, newest = await self.published(), [one.version for one in reversed(self.versions())]
        for version in dict.fromkeys([wanted, self.serving, *newest]):
            if version is None:
                continue
            if version == self.serving:
                return
            try:
                model = await self._load(version)
            except UnknownModel as error:
                log.warning("model left out", version=version, reason=str(error))
                continue
            await self._serve(model)
            return

    async def _serve(self, model: Model) -> None:
        self._current.model = model
        metrics.MODEL_FITTED.set(model.fitted_at.timestamp())
        for name, value in model.metrics.items():
            algorithm, metric = name.split(".", 1)
            metrics.ACCURACY.labels(algorithm, metric).set(value)
        await self._bus.publish(ModelPublished(model.version))

    async def _load(self, version: str) -> Model:
        await self._versions.bring(version)
        track_ids = [brief.id for brief in self._current.catalogue.briefs]

        def work() -> Model:
            return files.load(self._folder, version, track_ids).prepare()

        return await anyio.to_thread.run_sync(work)
