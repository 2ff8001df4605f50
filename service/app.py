"""The HTTP application, assembled from settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TextIO

import sqlalchemy as sa
from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route
from structlog.typing import FilteringBoundLogger

from data.table import Table
from models.clock import Clock, utc_now
from models.contract import LiveModel
from models.home import Home
from models.records.audit_log.log import PredictionAppender, PredictionLog
from models.records.audit_log.personal import PersonalData, personal_key
from models.records.events.alert_desk import alert_intake_of
from models.records.events.event_log import EventLog
from models.registry.bundles import package_versions, read_manifest
from models.registry.database.engine import Timeouts, open_database
from models.registry.live import load_live
from models.registry.registry import Registry, Version
from service.access.hosts import Hosts
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
from service.inference_protocol.error_bodies import protocol_error
from service.inference_protocol.routes import INFER_ENDPOINTS, inference_router
from service.live.live_models import LiveModels
from service.logs import open_log
from service.metrics.exposition import metrics_router
from service.middleware.in_front import put_in_front
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
from service.requests.statuses import EXPECTED_ERRORS
from service.runtime.background_tasks import Lifespan
from service.runtime.cached_reports import CachedReports
from service.runtime.request_pipeline import RequestPipeline
from service.scoring.audit_writer import AuditWriter
from service.scoring.batch_threads import BatchThreads
from service.scoring.conversing import Conversing
from service.scoring.event_worker import EventWorker
from service.scoring.prediction_ids import time_ordered_id
from service.scoring.prediction_lookup import PredictionLookup
from service.scoring.row_batcher import RowBatcher
from service.scoring.shadow_worker import ShadowWorker
from service.settings import Settings

DESCRIPTION = "Typed predictions with decisions and reasons, for the models that are live now."


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
    now : the clock of what the registry records.
    new_id : makes the IDs of predictions, and of requests without one.
    log_to : stream of the log; standard error by default.
    tracing : overrides the tracing configured by the environment, see `service.middleware.tracing`.

    Raises
    ------
    DatabaseError
        The registry cannot be opened.
    """
    register_bounded_converters()
    log = open_log(log_to, settings.log_format)
    settings.home.mkdir(parents=True, exist_ok=True)
    # polls and the audit log have connections of their own, which slow requests cannot take away from them
    database, secret = _database(settings), personal_key(settings.home)
    live_models = _live_models(settings, database, log, secret, now)
    tracing = tracing or open_tracing(log)
    pipeline = RequestPipeline(settings, live_models, log, log_to=log_to, new_id=new_id, tracing=tracing)
    state = _state(settings, database, live_models, pipeline, secret, log, now=now, new_id=new_id)
    keys = KeyStore(_database(settings))
    ring = KeyRing(keys, api_key=settings.api_key, share=1 / settings.workers, now=now)
    hosts = Hosts(settings.host, settings.allowed_hosts, lambda: ring.is_needed)
    routes, static = PredictionRoutes(state), StaticFiles()
    pages = Pages(
        Sessions(secret),
        static,
        live_names=lambda: live_models.served_models,
        is_key_needed=lambda: ring.is_needed,
        now=now,
    )
    app = _framework_app(_lifespan(state, ring, pipeline, log), [static.route(), *routes.routes()])
    app.state.log, app.state.live_models, app.state.predictions = log, live_models, state.predictions
    app.state.cached_reports = state.cached_reports
    app.state.connection_limits = pipeline.connection_limits  # read by `PatientProtocol`
    for router in (*_api_routers(state, pipeline), *page_routers(_site(state, pages, routes, ring, pipeline))):
        app.include_router(router)
    put_in_front(
        app,
        [
            *pipeline.middleware([protocol_error, partial(problem_page, pages)]),
            Middleware(KeyGate, hosts=hosts, ring=ring, sessions=pages.sessions, metrics_open=settings.metrics_open),
            Middleware(ScoreFirst, routes=routes),
        ],
    )
    app.openapi = OpenApi(app, live_models, ring)  # type: ignore[method-assign]
    return app


def _timeouts(settings: Settings) -> Timeouts:
    return Timeouts(lock=settings.database_lock_seconds, statement=settings.database_statement_seconds)


def _database(settings: Settings) -> sa.Engine:
    return open_database(settings.registry_url, _timeouts(settings))


def _live_models(
    settings: Settings, database: sa.Engine, log: FilteringBoundLogger, secret: bytes, now: Clock
) -> LiveModels:
    def open_events(live: LiveModel) -> EventLog | None:
        if not live.table.windows:
            return None
        personal = PersonalData(live.table, secret)
        intake = alert_intake_of(live, now, personal)
        return EventLog(database, live.name, live.table, personal=personal, listener=intake, now=now)

    bundles = Home(settings.home).bundles
    load = partial(load_live, bundles=bundles)

    def read_table(version: Version) -> Table:
        return read_manifest(bundles, version.digest).table

    registry = Registry(settings.registry_url, timeouts=_timeouts(settings))
    return LiveModels(registry, load, read_table, open_events, log, personal_key=secret)


def _state(
    settings: Settings,
    database: sa.Engine,
    live_models: LiveModels,
    pipeline: RequestPipeline,
    secret: bytes,
    log: FilteringBoundLogger,
    *,
    now: Clock,
    new_id: Callable[[], str],
) -> State:
    metrics, bundles, predictions = pipeline.metrics, Home(settings.home).bundles, PredictionLog(database)
    registry = Registry(settings.registry_url, now=now, timeouts=_timeouts(settings))
    writer = AuditWriter(
        PredictionAppender(_database(settings)),
        log,
        on_written=metrics.audit_written,
        on_dropped=metrics.audit_dropped,
    )
    metrics.watch_audit_queue(lambda: writer.n_waiting)
    metrics.watch(
        "backscore_audit_up",
        "1 unless the last write of the audit log failed; the minimum over workers.",
        lambda: float(writer.problem is None),
    )
    shadows = ShadowWorker(writer, metrics, log)
    return State(
        settings=settings,
        database=database,
        bundles=bundles,
        registry=registry,
        live_models=live_models,
        batcher=RowBatcher(writer, metrics, shadows, now=now),
        threads=BatchThreads(),
        events=EventWorker(metrics, shadows),
        conversing=Conversing(database, metrics, now=now),
        shadows=shadows,
        audit_writer=writer,
        predictions=predictions,
        cached_reports=CachedReports(),
        prediction_lookup=PredictionLookup(predictions, registry, bundles, personal_key=secret),
        metrics=metrics,
        tracing=pipeline.tracing,
        now=now,
        new_id=new_id,
    )


def _lifespan(state: State, ring: KeyRing, pipeline: RequestPipeline, log: FilteringBoundLogger) -> Lifespan:
    return Lifespan(
        registry=state.registry,
        database=state.database,
        live_models=state.live_models,
        ring=ring,
        pipeline=pipeline,
        workers=(state.events, state.shadows, state.audit_writer),
        poll_seconds=state.settings.poll_seconds,
        log=log,
        now=state.now,
    )


def _framework_app(lifespan: Lifespan, routes: Sequence[Route]) -> FastAPI:
    return FastAPIOffline(
        title="backscore",
        version=package_versions()["backscore"],
        description=DESCRIPTION,
        redoc_url=None,
        static_url="/static",
        swagger_ui_parameters={"validatorUrl": None},  # else the page calls a validator on the internet
        lifespan=lifespan.run,
        # spans, metrics and request logs are our own; newer versions of FastAPI would duplicate them
        telemetry=dict.fromkeys(("tracing", "metrics", "logs", "operation_spans", "auto_configure"), False),
        routes=routes,
        exception_handlers={
            **dict.fromkeys((*EXPECTED_ERRORS, HTTPException), on_error),
            RequestValidationError: on_bad_parameters,
        },
    )


def _api_routers(state: State, pipeline: RequestPipeline) -> list[APIRouter]:
    return [
        model_router(state),
        monitor_router(state, state.bundles),
        rollout_router(state, state.database),
        document_router(state.registry, state.bundles),
        review_router(state, state.database),
        outcome_router(state, state.database),
        health_router(state.live_models, pipeline.reasons_not_ready, state.audit_writer),
        inference_router(state, pipeline.reasons_not_ready),
        metrics_router(pipeline.exposition),
    ]


def _site(state: State, pages: Pages, routes: PredictionRoutes, ring: KeyRing, pipeline: RequestPipeline) -> Site:
    return Site(
        state=state,
        pages=pages,
        asking=routes,
        ring=ring,
        bundles=state.bundles,
        recent=pipeline.recent,
        n_audit_waiting=lambda: state.audit_writer.n_waiting,
        trainings=Trainings(lambda: pipeline.draining.has_begun),
        protocol_endpoints=INFER_ENDPOINTS,
    )


def app_from_environment() -> FastAPI:
    """The service with settings from BACKSCORE_*; the factory that each worker process calls."""
    return create_app(Settings())
