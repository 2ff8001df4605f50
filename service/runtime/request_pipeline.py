"""RequestPipeline: logging, metrics, limits, tracing and draining of one process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TextIO

from starlette.middleware import Middleware
from structlog.typing import FilteringBoundLogger

from service.live.live_models import LiveModels
from service.logs import RequestLines
from service.metrics.exposition import Exposition
from service.metrics.metrics import Metrics
from service.metrics.recent import Recent
from service.metrics.shared_folder import SharedFolder
from service.middleware.admission import InFlight, Limits
from service.middleware.request_log import RequestLog
from service.middleware.tracing import TraceRequests, Tracing
from service.requests.problems import ProblemForm
from service.runtime.connection_limits import ConnectionLimits
from service.runtime.draining import Draining
from service.settings import Settings


class RequestPipeline:
    """Logs, counts, traces and limits requests, and drains the process on shutdown.

    Parameters
    ----------
    tracing : None if it is off.
    log_to : stream of the request log; standard error by default.
    new_id : makes IDs for requests without one.
    """

    def __init__(
        self,
        settings: Settings,
        live_models: LiveModels,
        log: FilteringBoundLogger,
        *,
        log_to: TextIO | None,
        new_id: Callable[[], str],
        tracing: Tracing | None,
    ) -> None:
        self._live_models, self._log, self._new_id = live_models, log, new_id
        self._lines = RequestLines(log_to, settings.log_format)
        self.metrics, self.tracing = Metrics(), tracing
        self.draining = Draining(settings.drain_seconds, log, is_alone=settings.workers == 1)
        self.under_way = InFlight(
            max_requests=settings.max_in_flight,
            max_keyless=settings.max_keyless_in_flight,
            max_bytes=settings.max_bytes_in_flight,
            body_seconds=settings.body_seconds,
            request_seconds=settings.request_seconds,
            metrics=self.metrics,
            log=log,
        )
        self.exposition = Exposition(
            self.metrics, SharedFolder(settings.metrics_folder) if settings.metrics_folder else None
        )
        self.recent = Recent(self.exposition.families)
        self.connection_limits = ConnectionLimits.within_the_systems(settings.max_connections, settings.header_seconds)
        self._watch_models()

    def middleware(self, problem_forms: Sequence[ProblemForm]) -> list[Middleware]:
        """The layers in front of the key check, outermost first."""
        request_log = Middleware(
            RequestLog,
            log=self._log,
            write_line=self._lines,
            new_id=self._new_id,
            metrics=self.metrics,
            served_models=lambda: self._live_models.served_models,
            is_draining=lambda: self.draining.has_begun,
            problem_forms=problem_forms,
        )
        traced = [Middleware(TraceRequests, tracing=self.tracing)] if self.tracing else []
        return [request_log, *traced, Middleware(Limits, under_way=self.under_way)]

    def reasons_not_ready(self) -> list[str]:
        """Reasons why no requests should be sent to this process; empty if it is ready."""
        return self.draining.reasons_not_ready() or self._live_models.reasons_not_ready()

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """A context manager in which time limits, metrics and signal handlers are active."""
        tasks = [
            asyncio.create_task(self.under_way.keep_time()),
            asyncio.create_task(self.exposition.keep_publishing()),
            asyncio.create_task(self.recent.keep_noting()),
            asyncio.create_task(self.draining.follow_parent()),
        ]
        try:
            with self.draining.listening():
                yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self.tracing is not None:
                await asyncio.to_thread(self.tracing.close)

    def _watch_models(self) -> None:
        models, watch = self._live_models, self.metrics.watch
        self.metrics.watch_live_versions(models.live_versions)
        watch(
            "backscore_database_up",
            "1 if the last read of the registry succeeded; the minimum over workers.",
            lambda: float(models.database_answers),
        )
        watch("backscore_ready_workers", "Ready workers.", lambda: float(not self.reasons_not_ready()))
        watch(
            "backscore_refused_champions",
            "Champions that failed to load, or whose active policy did; see the log.",
            lambda: float(len(models.refused.by_name)),
        )
        watch(
            "backscore_refused_challengers",
            "Challengers that failed to load, so that the champion answers alone; see the log.",
            lambda: float(len(models.refused_challengers.by_name)),
        )
