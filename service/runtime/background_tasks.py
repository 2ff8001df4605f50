"""Lifespan: background tasks and workers of one process, from its start to its end."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sa
from structlog.typing import FilteringBoundLogger
from threadpoolctl import threadpool_limits

from models.clock import Clock
from models.errors import DatabaseError
from models.registry.registry import Registry
from service.access.key_ring import KeyRing
from service.live.live_models import LiveModels
from service.runtime.audit_retention import keep_within_limits
from service.runtime.request_pipeline import RequestPipeline

SWITCH_SECONDS = 0.0005
"""After so long a thread that waits for Python's lock gets it: the thread that records answers must not wait for those
who make them, nor the event loop for a version that is loaded. With Python's own 5 ms the slowest took ten times as
long."""


class Worker(Protocol):
    """Works in a thread of its own."""

    def start(self) -> None:
        """Begin."""

    def close(self) -> None:
        """Do what waits, and end."""


@dataclass(frozen=True, kw_only=True)
class Lifespan:
    """Starts everything before the first request, and ends it after the last.

    Parameters
    ----------
    workers : each comes before those that it hands work to.
    """

    registry: Registry
    database: sa.Engine
    live_models: LiveModels
    ring: KeyRing
    pipeline: RequestPipeline
    workers: Sequence[Worker]
    poll_seconds: float
    log: FilteringBoundLogger
    now: Clock

    @asynccontextmanager
    async def run(self, _app: object) -> AsyncIterator[None]:
        """While the block runs the process can answer."""
        with threadpool_limits(limits=1, user_api="blas"):  # a row's products are too small to share between threads
            for worker in reversed(self.workers):
                worker.start()
            await self.live_models.refresh()
            with suppress(DatabaseError):  # it may come; nobody is let in before
                await asyncio.to_thread(self.ring.refresh)
            sys.setswitchinterval(SWITCH_SECONDS)
            gc.collect()
            gc.freeze()  # what stands now stays; looking through it again and again costs a tenth of the throughput
            gc.enable()  # see `service.cli.commands.serve`
            beside = [
                asyncio.create_task(self.live_models.keep_in_step(self.poll_seconds)),
                asyncio.create_task(self.ring.keep_in_step()),
                asyncio.create_task(keep_within_limits(self.live_models, self.database, self.log, now=self.now)),
            ]
            async with self.pipeline.run():
                yield
            for task in beside:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            for worker in self.workers:
                await asyncio.to_thread(worker.close)
        self.database.dispose()
        self.registry.close()
