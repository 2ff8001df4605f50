"""The HTTP application, put together from settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TextIO

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.types import ASGIApp

from models.bundles import package_versions
from models.clock import Clock, utc_now
from models.contract import Live
from models.database import open_database
from models.events.alerts import desk_of
from models.events.event_log import EventLog
from models.home import Home
from models.keys.store import KeyStore
from models.live import load_live
from models.predictions.personal import personal_key
from models.predictions.prediction_log import PredictionAppender, PredictionLog
from models.registry import Registry, Version
from service.answering import Answering
from service.batch_threads import BatchThreads
from service.documents import document_router
from service.errors import EXPECTED_ERRORS
from service.event_writer import EventWriter
from service.findings import Findings
from service.health import health_router
from service.inference_protocol.error_bodies import ErrorBodies
from service.inference_protocol.routes import inference_router
from service.key_gate import KeyGate
from service.key_ring import KeyRing
from service.live_models import LiveModels
from service.logs import open_log
from service.machinery import Machinery
from service.metrics.exposition import metrics_router
from service.model_routes import model_router
from service.monitor_routes import monitor_router
from service.openapi import OpenApi
from service.outcome_routes import outcome_router
from service.pages.problem_pages import ProblemPages
from service.pages.rendering import Pages
from service.pages.routers import page_routers
from service.pages.sessions import Sessions
from service.pages.site import Site
from service.pages.static_files import StaticFiles
from service.pages.trainings import Trainings
from service.path_parts import bound_path_parts
from service.prediction_ids import time_ordered_id
from service.prediction_writer import PredictionWriter
from service.problems import on_bad_parameters, on_error
from service.recalling import Recalling
from service.review_routes import review_router
from service.rollout_routes import rollout_router
from service.routes import PredictionRoutes, ScoreFirst
from service.settings import Settings
from service.shadowing import Shadowing
from service.state import State
from service.supervision import Supervision
from service.tracing import Tracing, open_tracing

DESCRIPTION = "Typed predictions with decisions and reasons. The endpoints below are those of the models that are live."


def create_app(
    settings: Settings,
    *,
    now: Clock = utc_now,
    new_id: Callable[[], str] = time_ordered_id,
    log_to: TextIO | None = None,
    tracing: Tracing | None = None,
) -> FastAPI:
    """The service as an ASGI application.

    Parameters
    ----------
    now : tells the time of what the registry records.
    new_id : names answers, and requests that come without a name.
    log_to : where lines about requests and models go; standard error by default.
    tracing : in place of what the environment asks for, see `service.tracing`.

    Raises
    ------
    DatabaseError
        The registry cannot be opened.
    """
    bound_path_parts()
    log = open_log(log_to, settings.log_format)
    settings.home.mkdir(parents=True, exist_ok=True)
    registry = Registry(settings.registry_url, now=now)
    bundles = Home(settings.home).bundles

    def load(version: Version) -> Live:
        return load_live(version, bundles)

    database = open_database(settings.registry_url)

    def open_events(live: Live) -> EventLog | None:
        if not live.table.windows:
            return None
        return EventLog(database, live.name, live.table, desk=desk_of(live, now), now=now)

    secret = personal_key(settings.home)
    live_models = LiveModels(registry, load, open_events, log, personal_key=secret)
    predictions = PredictionLog(database)
    watch = Supervision(settings, live_models, log, log_to=log_to, new_id=new_id, tracing=tracing or open_tracing(log))
    writer = PredictionWriter(
        PredictionAppender(database),
        log,
        on_written=watch.metrics.audit_written,
        on_dropped=watch.metrics.audit_dropped,
    )
    shadowing = Shadowing(writer, watch.metrics, log)
    events = EventWriter(watch.metrics, shadowing)
    ring = KeyRing(KeyStore(database, now=now), log, api_key=settings.api_key, share=1 / settings.workers, now=now)
    watch.metrics.watch_audit_queue(lambda: writer.n_waiting)
    state = State(
        settings=settings,
        registry=registry,
        live_models=live_models,
        answering=Answering(writer, watch.metrics, shadowing, now=now),
        events=events,
        predictions=predictions,
        findings=Findings(),
        recall=Recalling(predictions, registry, bundles, personal_key=secret),
        metrics=watch.metrics,
        tracing=watch.tracing,
        now=now,
        new_id=new_id,
    )

    machinery = Machinery(
        registry=registry,
        database=database,
        live_models=live_models,
        ring=ring,
        watch=watch,
        workers=(events, shadowing, writer),
        poll_seconds=settings.poll_seconds,
        log=log,
        now=now,
    )
    threads = BatchThreads()
    routes = PredictionRoutes(state, threads)
    static = StaticFiles()
    pages = Pages(
        Sessions(secret),
        static,
        live_names=lambda: live_models.servings,
        is_key_needed=lambda: ring.is_needed,
        now=now,
    )
    site = Site(
        state=state,
        pages=pages,
        asking=routes,
        ring=ring,
        bundles=bundles,
        recent=watch.recent,
        n_audit_waiting=lambda: writer.n_waiting,
        trainings=Trainings(lambda: watch.draining.has_begun),
    )
    app = FastAPIOffline(
        title="backscore",
        version=package_versions()["backscore"],
        description=DESCRIPTION,
        redoc_url=None,
        static_url="/static",
        swagger_ui_parameters={"validatorUrl": None},  # else the page asks a validator on the internet
        lifespan=machinery.running,
        # spans, counts and lines about requests are our own; newer versions of the framework would make them again
        telemetry=dict.fromkeys(("tracing", "metrics", "logs", "operation_spans", "auto_configure"), False),
        routes=[static.route(), *routes.routes()],
        exception_handlers={
            **dict.fromkeys((*EXPECTED_ERRORS, HTTPException), on_error),
            RequestValidationError: on_bad_parameters,
        },
    )
    app.state.log, app.state.live_models, app.state.predictions = log, live_models, predictions
    app.state.connection_limits = watch.connection_limits  # read by the server's protocol
    for router in (
        model_router(state),
        monitor_router(state, bundles),
        rollout_router(state, database),
        document_router(registry, bundles),
        review_router(state, database),
        outcome_router(state, database),
        health_router(live_models, watch.reasons_not_ready),
        inference_router(state, watch.reasons_not_ready, threads),
        metrics_router(watch.exposition),
    ):
        app.include_router(router)
    for router in page_routers(site):
        app.include_router(router)
    _put_in_front(
        app,
        [
            Middleware(ErrorBodies),
            Middleware(ProblemPages, pages=pages),
            *watch.middleware(),
            Middleware(KeyGate, ring=ring, sessions=pages.sessions, metrics_open=settings.metrics_open),
            Middleware(ScoreFirst, routes=routes),
        ],
    )
    app.openapi = OpenApi(app, live_models, ring)  # type: ignore[method-assign]
    return app


def app_from_environment() -> FastAPI:
    """The service with settings from BACKSCORE_*: what each of several worker processes calls."""
    return create_app(Settings())


def _put_in_front(app: FastAPI, layers: Sequence[Middleware]) -> None:
    """Let requests pass these layers, the outermost first, before those of the framework.

    The framework would put them inside of its own, which do nothing for what ours answer, and cost as much as checking
    a row does.
    """
    build = app.build_middleware_stack

    def build_all() -> ASGIApp:
        stack = build()
        if isinstance(stack, ServerErrorMiddleware):  # ours answers what nobody foresaw, and as a problem
            stack = stack.app
        for layer, arguments, options in reversed(layers):
            stack = layer(stack, *arguments, **options)
        return stack

    app.build_middleware_stack = build_all  # type: ignore[method-assign]
