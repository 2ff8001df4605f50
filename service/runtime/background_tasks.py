"""Lifespan: background tasks and worker threads of one process, from start to shutdown."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Protocol

import anyio.to_thread
import sqlalchemy as sa
from structlog.typing import FilteringBoundLogger
from threadpoolctl import threadpool_limits

from models.clock import Clock
from models.cores import usable_cores
from models.errors import DatabaseError
from models.registry.registry import Registry
from service.access.key_ring import POLL_SECONDS, KeyRing
from service.live.live_models import LiveModels
from service.logs import log_loop_errors
from service.runtime.audit_retention import keep_within_limits
from service.runtime.polling import PollingThread
from service.runtime.request_pipeline import RequestPipeline

SWITCH_SECONDS = 0.0005
"""Switch interval of the GIL: the audit thread must not wait long for threads that score, nor the event loop for a
version that is loaded. With Python's default of 5 ms the slowest requests took ten times as long."""

N_WAITING_THREADS = 1
"""Threads for endpoints that block, beside one for each core: more share a core and slow down those that answer on the
event loop, as forty, the default, did; one lets another go on while a file is read."""


class Worker(Protocol):
    """A worker with a thread of its own."""

    def start(self) -> None:
        """Start the thread."""

    def close(self) -> None:
        """Process what is queued, and stop."""


@dataclass(frozen=True, kw_only=True)
class Lifespan:
    """Starts background work before the first request, and stops it after the last.

    Parameters
    ----------
    workers : in order of the flow of work, each before those that it feeds.
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
        """A context manager in which the process can answer requests."""
        asyncio.get_running_loop().set_exception_handler(log_loop_errors(self.log))
        with threadpool_limits(limits=1, user_api="blas"):  # a row's products are too small to share between threads
            for worker in reversed(self.workers):
                worker.start()
            await self.live_models.refresh()
            with suppress(DatabaseError):  # the ring polls on, and lets no key of the database in until then
                await asyncio.to_thread(self.ring.refresh)
            keys = PollingThread("keys", self.ring.poll, POLL_SECONDS, self.log)
            keys.start()
            sys.setswitchinterval(SWITCH_SECONDS)
            anyio.to_thread.current_default_thread_limiter().total_tokens = usable_cores() + N_WAITING_THREADS
            gc.collect()
            gc.freeze()  # loaded models live on; scanning them in every collection costs a tenth of the throughput
            gc.enable()  # see `service.cli.commands.serve`
            beside = [
                asyncio.create_task(self.live_models.keep_in_step(self.poll_seconds)),
                asyncio.create_task(keep_within_limits(self.live_models, self.database, self.log, now=self.now)),
            ]
            async with self.pipeline.run():
                yield
            for task in beside:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            for worker in (keys, *self.workers):
                await asyncio.to_thread(worker.close)
        self.database.dispose()
        self.registry.close()
