"""GET /metrics: the metrics of all workers of this service, for Prometheus."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from service.metrics.families import Family, as_metrics, families_of, merged
from service.metrics.metrics import Metrics
from service.metrics.shared_folder import SharedFolder

Result = TypeVar("Result")

PUBLISH_SECONDS = 1.0
TEXT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Metrics in the Prometheus text format, or in OpenMetrics if the Accept header prefers it.",
        "content": {"text/plain": {"schema": {"type": "string"}}, "application/openmetrics-text": {}},
    }
}


class Exposition:
    """The metrics of this process and of the other workers, if any.

    Parameters
    ----------
    folder : shared by the workers; None for a single process.
    """

    def __init__(self, metrics: Metrics, folder: SharedFolder | None) -> None:
        self._registry, self._folder = metrics.registry, folder
        self._thread = ThreadPoolExecutor(1, "metrics")  # the threads of requests may all be taken

    async def in_thread(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """The result of a function that collects metrics, run beside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    def text(self, accept: str) -> tuple[bytes, str]:
        """The metrics in a format that matches the Accept header, and its content type."""
        encode, content_type = choose_encoder(accept)
        return encode(_Collected(self.families())), content_type

    def families(self) -> list[Family]:
        """The metrics as they are now."""
        own = families_of(self._registry.collect())
        return self._folder.gather(own) if self._folder else merged([own])

    def publish(self) -> None:
        """Make the counts of this worker visible to the others."""
        if self._folder is not None:
            self._folder.publish(families_of(self._registry.collect()))

    async def keep_publishing(self) -> None:
        """Publish periodically until cancelled."""
        while self._folder is not None:
            await asyncio.sleep(PUBLISH_SECONDS)
            await self.in_thread(self.publish)


def metrics_router(exposition: Exposition) -> APIRouter:
    """The endpoint that Prometheus scrapes."""
    router = APIRouter(tags=["health"])

    @router.get("/metrics", summary="Metrics for Prometheus", response_class=Response, responses=TEXT)
    async def read_metrics(request: Request) -> Response:
        text, content_type = await exposition.in_thread(exposition.text, request.headers.get("accept", ""))
        return Response(text, headers={"Content-Type": content_type})

    return router


class _Collected(Collector):
    """An adapter from families to the library's collector interface."""

    def __init__(self, families: Sequence[Family]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from as_metrics(self._families)
