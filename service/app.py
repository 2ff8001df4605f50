"""The HTTP application, put together from settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TextIO

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.types import ASGIApp

from models.clock import Clock, utc_now
from models.contract import LiveModel
from models.home import Home
from models.records.audit_log.log import PredictionAppender, PredictionLog
from models.records.audit_log.personal import personal_key
from models.records.events.alert_desk import alert_intake_of
from models.records.events.event_log import EventLog
from models.registry.bundles import package_versions
from models.registry.database.engine import open_database
from models.registry.live import load_live
from models.registry.registry import Registry, Version
from service.access.key_gate import KeyGate
from service.access.key_ring import KeyRing
from service.access.key_store import KeyStore
from service.access.sessions import Sessions
from service.api.documents import document_router
from service.api.drift import monitor_router
from service.api.health import health_router
from service.api.models import model_router
from service.api.outcomes import outcome_router
from service.api.predictions import PredictionRoutes, ScoreFirst
from service.api.review import review_router
from service.api.rollouts import rollout_router
from service.context import State
from service.errors import EXPECTED_ERRORS
from service.inference_protocol.error_bodies import protocol_error
from service.inference_protocol.routes import INFER_ENDPOINTS, inference_router
from service.live.live_models import LiveModels
from service.logs import open_log
from service.metrics.exposition import metrics_router
from service.middleware.tracing import Tracing, open_tracing
from service.openapi import OpenApi
from service.pages.learn.trainings import Trainings
from service.pages.problem_pages import problem_page
from service.pages.rendering import Pages
from service.pages.routers import page_routers
from service.pages.site import Site
from service.pages.static_files import StaticFiles
from service.requests.path_converters import register_bounded_converters
from service.requests.problems import on_bad_parameters, on_error
from service.runtime.background_tasks import Lifespan
from service.runtime.cached_reports import CachedReports
from service.runtime.request_pipeline import RequestPipeline
from service.scoring.audit_writer import AuditWriter
from service.scoring.batch_threads import BatchThreads
from service.scoring.event_worker import EventWorker
from service.scoring.prediction_ids import time_ordered_id
from service.scoring.prediction_lookup import PredictionLookup
from service.scoring.row_batcher import RowBatcher
from service.scoring.shadow_worker import ShadowWorker
from service.settings import Settings

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
    tracing : in place of what the environment asks for, see `service.middleware.tracing`.

    Raises
    ------
    DatabaseError
        The registry cannot be opened.
    """
    register_bounded_converters()
    log = open_log(log_to, settings.log_format)
    settings.home.mkdir(parents=True, exist_ok=True)
    registry = Registry(settings.registry_url, now=now)
    bundles = Home(settings.home).bundles

    def load(version: Version) -> LiveModel:
        return load_live(version, bundles)

    database = open_database(settings.registry_url)

    def open_events(live: LiveModel) -> EventLog | None:
        if not live.table.windows:
            return None
        return EventLog(database, live.name, live.table, listener=alert_intake_of(live, now), now=now)

    secret = personal_key(settings.home)
    live_models = LiveModels(registry, load, open_events, log, personal_key=secret)
    predictions = PredictionLog(database)
    pipeline = RequestPipeline(
        settings, live_models, log, log_to=log_to, new_id=new_id, tracing=tracing or open_tracing(log)
    )
    writer = AuditWriter(
        PredictionAppender(database),
        log,
        on_written=pipeline.metrics.audit_written,
        on_dropped=pipeline.metrics.audit_dropped,
    )
    shadowing = ShadowWorker(writer, pipeline.metrics, log)
    events = EventWorker(pipeline.metrics, shadowing)
    ring = KeyRing(KeyStore(database, now=now), log, api_key=settings.api_key, share=1 / settings.workers, now=now)
    pipeline.metrics.watch_audit_queue(lambda: writer.n_waiting)
    state = State(
        settings=settings,
        registry=registry,
        live_models=live_models,
        batcher=RowBatcher(writer, pipeline.metrics, shadowing, now=now),
        events=events,
        predictions=predictions,
        cached_reports=CachedReports(),
        prediction_lookup=PredictionLookup(predictions, registry, bundles, personal_key=secret),
        metrics=pipeline.metrics,
        tracing=pipeline.tracing,
        now=now,
        new_id=new_id,
    )

    lifespan = Lifespan(
        registry=registry,
        database=database,
        live_models=live_models,
        ring=ring,
        pipeline=pipeline,
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
        live_names=lambda: live_models.served_models,
        is_key_needed=lambda: ring.is_needed,
        now=now,
    )
    site = Site(
        state=state,
        pages=pages,
        asking=routes,
        ring=ring,
        bundles=bundles,
        recent=pipeline.recent,
        n_audit_waiting=lambda: writer.n_waiting,
        trainings=Trainings(lambda: pipeline.draining.has_begun),
        protocol_endpoints=INFER_ENDPOINTS,
    )
    app = FastAPIOffline(
        title="backscore",
        version=package_versions()["backscore"],
        description=DESCRIPTION,
        redoc_url=None,
        static_url="/static",
        swagger_ui_parameters={"validatorUrl": None},  # else the page asks a validator on the internet
        lifespan=lifespan.run,
        # spans, counts and lines about requests are our own; newer versions of the framework would make them again
        telemetry=dict.fromkeys(("tracing", "metrics", "logs", "operation_spans", "auto_configure"), False),
        routes=[static.route(), *routes.routes()],
        exception_handlers={
            **dict.fromkeys((*EXPECTED_ERRORS, HTTPException), on_error),
            RequestValidationError: on_bad_parameters,
        },
    )
    app.state.log, app.state.live_models, app.state.predictions = log, live_models, predictions
    app.state.connection_limits = pipeline.connection_limits  # read by the server's protocol
    for router in (
        model_router(state),
        monitor_router(state, bundles),
        rollout_router(state, database),
        document_router(registry, bundles),
        review_router(state, database),
        outcome_router(state, database),
        health_router(live_models, pipeline.reasons_not_ready),
        inference_router(state, pipeline.reasons_not_ready, threads),
        metrics_router(pipeline.exposition),
    ):
        app.include_router(router)
    for router in page_routers(site):
        app.include_router(router)
    _put_in_front(
        app,
        [
            *pipeline.middleware([protocol_error, partial(problem_page, pages)]),
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
