"""The HTTP application, put together from settings."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TextIO

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp
from threadpoolctl import threadpool_limits

from models.bundles import package_versions
from models.clock import Clock, utc_now
from models.contract import Live
from models.database import open_database
from models.errors import DatabaseError
from models.events.alerts import desk_of
from models.events.event_log import EventLog
from models.home import Home
from models.keys.store import KeyStore
from models.live import load_live
from models.predictions.personal import personal_key
from models.predictions.prediction_log import PredictionLog
from models.registry import Registry, Version
from service.answering import Answering
from service.documents import document_router
from service.errors import EXPECTED_ERRORS
from service.event_writer import EventWriter
from service.health import health_router
from service.key_gate import KeyGate
from service.key_ring import KeyRing
from service.live_models import LiveModels
from service.logs import open_log
from service.metrics.exposition import metrics_router
from service.model_routes import model_router
from service.openapi import OpenApi
from service.path_parts import bound_path_parts
from service.prediction_ids import time_ordered_id
from service.prediction_writer import PredictionWriter
from service.problems import on_bad_parameters, on_error
from service.pruning import keep_within_limits
from service.review_routes import review_router
from service.routes import PredictionRoutes, ScoreFirst
from service.settings import Settings
from service.state import State
from service.supervision import Supervision

SWITCH_SECONDS = 0.0005
"""After so long a thread that waits for Python's lock gets it: the thread that records answers must not wait for those
who make them, nor the event loop for a version that is loaded. Python's own 5 ms made the slowest requests 10 times slower.
"""
DESCRIPTION = "Typed predictions with decisions and reasons. The endpoints below are those of the models that are live."


def create_app(
    settings: Settings,
    *,
    now: Clock = utc_now,
    new_id: Callable[[], str] = time_ordered_id,
    log_to: TextIO | None = None,
) -> FastAPI:
    """The service as an ASGI application.

    Parameters
    ----------
    now : tells the time of what the registry records.
    new_id : names answers, and requests that come without a name.
    log_to : where lines about requests and models go; standard error by default.

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

    live_models = LiveModels(registry, load, open_events, log, personal_key=personal_key(settings.home))
    predictions = PredictionLog(database)
    watch = Supervision(settings, live_models, log, log_to=log_to, new_id=new_id)
    writer = PredictionWriter(
        predictions, log, on_written=watch.metrics.audit_written, on_dropped=watch.metrics.audit_dropped
    )
    events = EventWriter(watch.metrics)
    ring = KeyRing(KeyStore(database, now=now), log, api_key=settings.api_key, share=1 / settings.workers, now=now)
    watch.metrics.watch_audit_queue(lambda: writer.n_waiting)
    state = State(
        settings=settings,
        registry=registry,
        live_models=live_models,
        answering=Answering(writer, watch.metrics, now=now, new_id=new_id),
        events=events,
        predictions=predictions,
        metrics=watch.metrics,
        now=now,
        new_id=new_id,
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        with threadpool_limits(limits=1, user_api="blas"):  # a row's products are too small to share between threads
            events.start()
            writer.start()
            await live_models.refresh()
            with suppress(DatabaseError):  # it may come; the service is not ready before
                await asyncio.to_thread(ring.refresh)
            sys.setswitchinterval(SWITCH_SECONDS)
            gc.collect()
            gc.freeze()  # what stands now stays; looking through it again and again costs a tenth of the throughput
            beside = [
                asyncio.create_task(live_models.keep_in_step(settings.poll_seconds)),
                asyncio.create_task(ring.keep_in_step()),
                asyncio.create_task(keep_within_limits(live_models, database, log, now=now)),
            ]
            async with watch.running():
                yield
            for task in beside:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            await asyncio.to_thread(events.close)
            await asyncio.to_thread(writer.close)
        database.dispose()
        registry.close()

    routes = PredictionRoutes(state)
    app = FastAPIOffline(
        title="backscore",
        version=package_versions()["backscore"],
        description=DESCRIPTION,
        redoc_url=None,
        static_url="/static",
        swagger_ui_parameters={"validatorUrl": None},  # else the page asks a validator on the internet
        lifespan=lifespan,
        routes=routes.routes(),
        exception_handlers={
            **dict.fromkeys((*EXPECTED_ERRORS, HTTPException), on_error),
            RequestValidationError: on_bad_parameters,
        },
    )
    app.state.log, app.state.live_models, app.state.predictions = log, live_models, predictions
    app.state.connection_limits = watch.connection_limits  # read by the server's protocol
    app.include_router(model_router(state))
    app.include_router(document_router(registry, bundles))
    app.include_router(review_router(state, database))
    app.include_router(health_router(live_models, watch.reasons_not_ready))
    app.include_router(metrics_router(watch.exposition))
    app.add_route("/", _to_docs, include_in_schema=False)
    _put_in_front(
        app,
        [
            *watch.middleware(),
            Middleware(KeyGate, ring=ring, metrics_open=settings.metrics_open),
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


async def _to_docs(_request: object) -> RedirectResponse:
    return RedirectResponse("/docs")
