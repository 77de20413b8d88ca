"""Experiments: made, started, stopped, changed, reported; and who is in which variant."""

from datetime import UTC, datetime

import msgspec
from litestar import Controller, Response, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, RawBody
from msgspec import Struct

from service.api.contract import AnyRequest, decode, documents, read_path, read_query
from service.api.listens import BODY_BYTES
from service.api.report_forms import ALSO, ReportQuery, in_form
from service.api.scopes import scope
from service.domain import Experiment, Label, UserId
from service.experiments import lifecycle
from service.experiments.lifecycle import Change, Draft
from service.experiments.report import Report
from service.experiments.report_page import page
from service.experiments.report_text import text
from service.experiments.reports import Reports
from service.experiments.running import Running
from service.recommend.recommender import Recommender
from service.recommend.tuning import tuning_of
from service.store import Store


class ExperimentsPage(Struct, frozen=True):
    """The answer of GET /v1/experiments, by name."""

    experiments: list[Experiment]


class Assignments(Struct, frozen=True):
    """The variants a user is in now, by experiment."""

    user_id: str
    assignments: dict[str, str]


_draft = msgspec.json.Decoder(Draft)
_change = msgspec.json.Decoder(Change)


class ExperimentController(Controller):
    """What is tried on whom."""

    tags = ("experiments",)

    @post(
        "/v1/experiments",
        status_code=201,
        operation_id="createExperiment",
        operation_class=documents(body=Draft),
        request_max_body_size=BODY_BYTES,
        opt=scope("admin:experiments"),
    )
    async def create(self, body: RawBody, store: NamedDependency[Store]) -> Experiment:
        """Keep a draft; nobody is in it before it is started."""
        return await lifecycle.create(store, decode(body, _draft), tuning_of)

    @get(
        "/v1/experiments",
        operation_id="listExperiments",
        operation_class=documents(),
        opt=scope("admin:experiments"),
    )
    async def list_experiments(self, store: NamedDependency[Store]) -> ExperimentsPage:
        """All of them, archived ones too."""
        return ExperimentsPage(await store.experiments())

    @get(
        "/v1/experiments/{name:str}",
        operation_id="getExperiment",
        operation_class=documents(),
        opt=scope("admin:experiments"),
    )
    async def one(self, name: FromPath[str], store: NamedDependency[Store]) -> Experiment:
        """One experiment as it is now."""
        return await lifecycle.find(store, read_path(name, Label))

    @patch(
        "/v1/experiments/{name:str}",
        operation_id="changeExperiment",
        operation_class=documents(body=Change),
        request_max_body_size=BODY_BYTES,
        opt=scope("admin:experiments"),
    )
    async def change(
        self,
        name: FromPath[str],
        body: RawBody,
        store: NamedDependency[Store],
        running: NamedDependency[Running],
    ) -> Experiment:
        """Let more take part, move the end, guard other metrics, have somebody test a variant."""
        wanted = decode(body, _change)
        changed = await lifecycle.change(store, read_path(name, Label), wanted)
        await running.refresh()
        return changed

    @post(
        "/v1/experiments/{name:str}/start",
        status_code=200,
        operation_id="startExperiment",
        operation_class=documents(),
        opt=scope("admin:experiments"),
    )
    async def start(
        self,
        name: FromPath[str],
        store: NamedDependency[Store],
        running: NamedDependency[Running],
    ) -> Experiment:
        """Users are in it from the next request on; other processes follow within seconds."""
        started = await lifecycle.start(store, read_path(name, Label), now=datetime.now(UTC))
        await running.refresh()
        return started

    @post(
        "/v1/experiments/{name:str}/stop",
        status_code=200,
        operation_id="stopExperiment",
        operation_class=documents(),
        opt=scope("admin:experiments"),
    )
    async def stop(
        self,
        name: FromPath[str],
        store: NamedDependency[Store],
        running: NamedDependency[Running],
    ) -> Experiment:
        """Everybody gets what they would get without it."""
        stopped = await lifecycle.stop(store, read_path(name, Label), now=datetime.now(UTC))
        await running.refresh()
        return stopped

    @post(
        "/v1/experiments/{name:str}/archive",
        status_code=200,
        operation_id="archiveExperiment",
        operation_class=documents(),
        opt=scope("admin:experiments"),
    )
    async def archive(self, name: FromPath[str], store: NamedDependency[Store]) -> Experiment:
        """Keep it for the record only."""
        return await lifecycle.archive(store, read_path(name, Label))

    @get(
        "/v1/experiments/{name:str}/report",
        operation_id="reportExperiment",
        operation_class=documents(query=ReportQuery, also=ALSO),
        opt=scope("admin:experiments"),
    )
    async def report(
        self, request: AnyRequest, name: FromPath[str], reports: NamedDependency[Reports]
    ) -> Response[Report]:
        """What can be said of it now; at most half a minute old, however often it is read."""
        query = read_query(request, ReportQuery)
        return in_form(await reports.of(read_path(name, Label)), query, text, page)

    @get(
        "/v1/users/{user_id:str}/assignments",
        operation_id="getAssignments",
        operation_class=documents(),
        opt=scope("recs:read", whose="path"),
    )
    async def assignments(
        self, user_id: FromPath[str], recommender: NamedDependency[Recommender]
    ) -> Assignments:
        """The variants this user is in; to look is not to see a list, so nothing is counted."""
        user_id = read_path(user_id, UserId)
        arms = await recommender.arms(user_id)
        return Assignments(user_id, dict(arms.variants))
