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
from service.errors import Conflict, ModelNotReady, ModelRefused, UnknownModel
from service.jobs import Progress
from service.learn.cluster import solvers_at
from service.learn.interactions import read_interactions
from service.learn.prices import DEFAULT, Target
from service.learn.training import fit_model
from service.learn.versions import Versions
from service.learn.weights import read_weights
from service.model import files
from service.model.current import Current
from service.model.verdict import FIRST
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
        cluster: str | None = None,
    ) -> None:
        self._store, self._bus, self._current = store, bus, current
        self._folder, self._clock, self._target = folder, clock, target
        self._weights, self._cluster = weights, cluster
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
        """Fit on everything stored, save, and serve it if it is no worse than what serves.

        Raises:
            ModelNotReady: there is too little to learn from.
            ModelRefused: it is worse; it is kept and can be activated all the same.
            Invalid: the file of exposure weights cannot be used, or Dask is not installed.
            Unavailable: the cluster does not answer.
        """
        catalogue = self._current.catalogue
        mark = await self._store.stored_mark()  # what comes during the fit is learned once more
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
        champion = await self._champion()
        countries = {} if champion is None else await self._countries()
        progress(0.1)
        now = self._clock()
        version = f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"

        def work() -> Model:
            with solvers_at(self._cluster) as solvers:
                model = fit_model(
                    interactions,
                    catalogue,
                    version=version,
                    fitted_at=now,
                    target=target,
                    progress=lambda share: progress(0.1 + 0.85 * share),
                    champion=champion,
                    countries=countries,
                    solvers=solvers,
                )
            model = structs.replace(model, learned_to=mark)
            files.save(model, [brief.id for brief in catalogue.briefs], self._folder)
            return model

        model = await anyio.to_thread.run_sync(work)
        await self._decide(model)

    async def _decide(self, model: Model) -> None:
        verdict = model.verdict or FIRST
        judged = "unjudged" if verdict.basis == "none" else "passed"
        metrics.MODEL_GATE.labels(judged if verdict.passed else "failed").inc()
        log.info("model judged", version=model.version, passed=verdict.passed, why=verdict.why)
        if verdict.passed:
            await self.activate(model.version)
            return
        await self._versions.keep(model.version)
        raise ModelRefused(
            f"model {model.version} does not serve: {verdict.why};"
            f" echotune models activate {model.version} lets it all the same"
        )

    async def rollback(self) -> str:
        """Serve the newest kept version that is older than the published one and was not refused.

        Raises:
            Conflict: there is none.
            UnknownModel: it must not be served.
            StoreUnavailable
        """
        now = await self.published()
        if now is None:
            raise Conflict("no model serves: there is nothing to go back from")
        older = [one.version for one in self.versions() if one.version < now and not one.refused]
        if not older:
            raise Conflict(f"no version older than {now} is kept: there is none to go back to")
        await self.activate(older[-1])
        return older[-1]

    async def _champion(self) -> Model | None:
        """What serves, as it was published: nothing that was learned since is in it."""
        version = await self.published()
        if version is None:
            return None
        try:
            return await self._load(version)
        except UnknownModel as error:
            log.warning("nothing to compare with", version=version, reason=str(error))
            return None

    async def _countries(self) -> dict[str, str]:
        return {
            user.id: user.demographics.country
            async for batch in self._store.users()
            for user in batch
            if user.demographics.country is not None
        }

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
