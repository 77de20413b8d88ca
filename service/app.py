"""The Litestar application out of settings."""

import gc
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Any

from litestar import Litestar, Response
from litestar.datastructures import State
from litestar.di import Provide
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.types import ASGIApp, ControllerRouterHandler, Message, Receive, Scope, Send
from prometheus_client import CollectorRegistry

from service import metrics, request_id
from service.access.gate import Gate
from service.api import problems
from service.api.admission import Admission
from service.api.allowed import name_methods
from service.api.bodies import Bodies
from service.api.contract import AnyRequest, describe
from service.api.door import Door
from service.api.events import EventController
from service.api.experiments import ExperimentController
from service.api.front import Front
from service.api.inlet import Inlet
from service.api.insights import InsightController
from service.api.jobs import JobController, JobOrder
from service.api.listens import Feedback, ListenController
from service.api.models import ModelController
from service.api.ofrep import EvaluationFailure, EvaluationRequest, OfrepController
from service.api.operations import HealthController, read_metrics
from service.api.problems import EXCEPTION_HANDLERS, ProblemDetails, explain_problem
from service.api.profiles import ProfileController
from service.api.recommendations import RecommendationController
from service.api.reference import REFERENCE_PAGE, REFERENCE_ROUTER, reference_assets
from service.api.scopes import check_scopes, guard, words
from service.api.stopping import when_told_to_stop
from service.api.strategies import StrategyController
from service.api.traced import Traced
from service.api.tracks import TrackController
from service.api.updates import UpdateController
from service.api.users import UserController
from service.bootstrap import open_house
from service.domain import Experiment, Listen, Track, UserSettings
from service.doors import listenbrainz
from service.doors.audioscrobbler.routes import audioscrobbler_routes
from service.doors.spotify import refusals
from service.doors.spotify.rooted import MOUNT, Rooted
from service.doors.spotify.routes import spotify_routes
from service.experiments.lifecycle import Change, Draft
from service.exposition import exposed
from service.greeting import greeting
from service.house import House
from service.learn.updates import Update
from service.logs import configure_logs
from service.profile.remote import ProfileQuestion
from service.recommend.remote import StrategyQuestion
from service.settings import Settings
from service.spans import traced

PARTS = (
    "store",
    "current",
    "ingest",
    "shelf",
    "resolver",
    "accounts",
    "profiles",
    "recommender",
    "running",
    "reports",
    "lookout",
    "neighbourhood",
    "similar_tracks",
    "spotify",
    "trainer",
    "jobs",
    "stream",
    "traces",
    "strategist",
    "updates",
)
CONTROLLERS = (
    RecommendationController,
    ListenController,
    TrackController,
    UserController,
    UpdateController,
    ModelController,
    JobController,
    EventController,
    ExperimentController,
    InsightController,
    OfrepController,
)
"""Of what a part that is a service of its own does not do."""
GARBAGE_AFTER = 10_000
"""Objects made and not ended; as Python has it, 700, a loaded process looks 20 times a second."""
DOCUMENTED = (
    Track,
    Listen,
    Feedback,
    UserSettings,
    JobOrder,
    Draft,
    Change,
    EvaluationRequest,
    EvaluationFailure,
    Experiment,
    Update,
    StrategyQuestion,
    ProfileQuestion,
    ProblemDetails,
)


def served() -> Door | Traced:
    """What a server process runs: settings from the environment, a greeting when it is ready.

    Raises:
        Invalid: the environment holds a setting that is none.
    """
    settings = Settings.from_env(os.environ)
    configure_logs(settings.log_level)
    return with_doors(create_app(settings, greet=sys.stderr.write), settings)


def with_doors(app: Litestar, settings: Settings) -> Door | Traced:
    """All that stands in front of an application: who calls, who is let in, the two short ways."""
    timeout_s = settings.request_timeout_ms / 1000
    lists = app if settings.apart else Front(Inlet(app, app.state), app.state, timeout_s=timeout_s)
    front = Bodies(lists)

    def shed(most: int) -> int:
        house: House = app.state.house  # there since the start, which no request comes before
        return house.updates.shed(most)

    guarded = settings.guarded

    def gate() -> Gate | None:
        if not guarded:
            return None
        house: House = app.state.house
        return house.gate

    known = words(app)
    door = Door(Admission(front, timeout_s=timeout_s, shed=shed), gate, words=known)
    return Traced(door, words=known) if settings.tracing == "on" else door


def create_app(settings: Settings, *, greet: Callable[[str], object] | None = None) -> Litestar:
    """The application of one process; opens its store when it starts, closes it when it stops.

    Raises:
        MissingScope: a route does not say who may call it.
        Invalid: a file that the settings name cannot be used.
    """
    apart = settings.apart

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        opened = open_house(settings, watch=True, work=settings.role == "all", lead=not apart)
        with traced(on=settings.tracing == "on"):  # the last spans are of what is closed
            async with opened as house:
                app.state.house = house
                await house.recommender.warm()
                if not apart:
                    house.freshness.watch()
                gc.collect()
                gc.freeze()  # the catalogue stays: going through 100,000 tracks takes 75 ms
                gc.set_threshold(GARBAGE_AFTER)
                with (
                    exposed(settings) as app.state.registry,
                    when_told_to_stop(house.updates.close),
                ):
                    if greet is not None:
                        greet(await greeting(house))
                    yield

    app = Litestar(
        route_handlers=[
            *([] if apart else [*CONTROLLERS, *_doors(settings)]),
            *([] if settings.role == "profiles" else [StrategyController]),
            *([] if settings.role == "content" else [ProfileController]),
            HealthController,
            *([] if settings.metrics_port else [read_metrics]),
            explain_problem,
            reference_assets,
        ],
        lifespan=[lifespan],
        dependencies={
            **{name: _provide(name) for name in PARTS},
            "door": _provide("listenbrainz"),
            "registry": Provide(_registry, sync_to_thread=False),
        },
        exception_handlers={**EXCEPTION_HANDLERS, HTTPException: on_http_exception},
        guards=[guard] if settings.guarded else [],
        middleware=[time_requests, name_methods],
        logging_config=None,  # structlog is set up by `served`
        openapi_config=OpenAPIConfig(
            title="EchoTune",
            version="0.1.0",
            description="Listening events in, personal and explained recommendations out.",
            use_handler_docstrings=True,
            openapi_router=REFERENCE_ROUTER,
            render_plugins=[REFERENCE_PAGE],
        ),
    )
    if settings.spotify_root == "on":
        app.asgi_handler = Rooted(app.asgi_handler)
    check_scopes(app.routes)
    describe(app, DOCUMENTED)
    cors = settings.listenbrainz_tokens is not None
    app.asgi_handler = listenbrainz.Wire(app.asgi_handler, cors=cors)
    return app


def _provide(name: str) -> Provide:
    def part(state: State) -> Any:  # noqa: ANN401 - whatever the handler asks for
        house: House = state.house
        return getattr(house, name)

    return Provide(part, sync_to_thread=False)


def _registry(state: State) -> CollectorRegistry:
    found: CollectorRegistry = state.registry
    return found


def _doors(settings: Settings) -> list[ControllerRouterHandler]:
    """Other people's interfaces."""
    return [listenbrainz.ROUTES, spotify_routes(settings), *audioscrobbler_routes(settings)]


def on_http_exception(request: AnyRequest, error: HTTPException) -> Response[Any]:
    """What no route saw is refused in the words of the door that its path belongs to."""
    answer: Response[Any]
    if listenbrainz.door_path(request.url.path) is not None:
        answer = listenbrainz.EXCEPTION_HANDLERS[HTTPException](request, error)
        return answer
    if request.scope["path"].startswith(f"{MOUNT}/"):
        return refusals.on_http_exception(request, error)
    return problems.on_http_exception(request, error)


def time_requests(app: ASGIApp) -> ASGIApp:
    """Middleware: seconds per route and status until an answer begins; streams end hours later.

    Routes are few; paths would be one per user.
    """

    async def timed(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return
        request_id.note(scope["headers"])
        start, began = perf_counter(), False

        def observe(status: str) -> None:
            route = scope.get("path_template") or "none"
            metrics.REQUEST_SECONDS.labels(route, status).observe(perf_counter() - start)

        async def noted(message: Message) -> None:
            nonlocal began
            if message["type"] == "http.response.start":
                began = True
                observe(str(message["status"]))
            await send(message)

        await app(scope, receive, noted)
        if not began:
            observe("000")

    return timed
