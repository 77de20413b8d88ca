"""Model versions: fit, list, activate."""

from datetime import datetime

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Struct

from service.api.contract import documents
from service.api.scopes import scope
from service.api.users import JobRef
from service.jobs import JobQueue
from service.learn.trainer import Trainer
from service.model.verdict import Verdict


class ModelSummary(Struct, frozen=True):
    """One version that is kept; metrics are those of listens held out at its fit.

    `verdict` is what the quality gate said of it, null for versions from before there was one.
    """

    version: str
    fitted_at: datetime
    metrics: dict[str, float]
    verdict: Verdict | None


class ModelsPage(Struct, frozen=True):
    """The answer of GET /v1/models, newest first."""

    current: str | None
    models: list[ModelSummary]


class ModelController(Controller):
    """What learns."""

    tags = ("models",)

    @post(
        "/v1/models",
        status_code=202,
        operation_id="fitModel",
        operation_class=documents(),
        opt=scope("admin:models"),
    )
    async def fit(self, jobs: NamedDependency[JobQueue]) -> JobRef:
        """Fit a model on everything stored; it serves if it is no worse than what serves now."""
        return JobRef((await jobs.put("train", {})).job_id)

    @get(
        "/v1/models",
        operation_id="listModels",
        operation_class=documents(),
        opt=scope("admin:models"),
        sync_to_thread=True,
    )
    def list_models(self, trainer: NamedDependency[Trainer]) -> ModelsPage:
        """The versions that are kept, newest first."""
        return _page(trainer)

    @post(
        "/v1/models/{version:str}/activate",
        status_code=200,
        operation_id="activateModel",
        operation_class=documents(),
        opt=scope("admin:models"),
    )
    async def activate(
        self, version: FromPath[str], trainer: NamedDependency[Trainer]
    ) -> ModelsPage:
        """Serve another version, older, newer or refused, from the next request on."""
        await trainer.activate(version)
        return _page(trainer)


def _page(trainer: Trainer) -> ModelsPage:
    kept = [
        ModelSummary(one.version, one.fitted_at, one.metrics, one.verdict)
        for one in reversed(trainer.versions())
    ]
    return ModelsPage(trainer.serving, kept)
