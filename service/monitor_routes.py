"""GET /v1/models/{name}/monitor: whether the rows that are answered are still like those of the training."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Query

from models.drift.monitor import DEFAULT_DAYS, monitor
from models.drift.reference import load_reference
from models.drift.results import Monitor
from service.problems import MEDIA_TYPE
from service.serving import Serving
from service.state import State

FRESH_FOR = timedelta(minutes=1)
MOST_KEPT = 100
"""Findings that are kept; the one found first goes first."""
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": description,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status, description in {
        409: "The bundle has no reference of the training rows, as older ones, or is damaged.",
        503: "The database does not answer; `Retry-After` says when to send the request again.",
    }.items()
}


class _Asked(NamedTuple):
    digest: str
    version: int
    days: float


class Monitors:
    """Findings about live models, made one at a time in a thread of their own and kept for a minute.

    One thread also means that the memory of the last finding serves the next.

    Parameters
    ----------
    find : makes one; (what answers, days, now) -> finding.
    """

    def __init__(self, find: Callable[[Serving, float, datetime], Monitor]) -> None:
        self._find = find
        self._thread = ThreadPoolExecutor(1, "monitor")
        self._found: dict[_Asked, Monitor] = {}
        self._under_way: dict[_Asked, asyncio.Task[Monitor]] = {}

    async def of(self, serving: Serving, days: float, now: datetime) -> Monitor:
        """The finding about what answers, at most a minute old.

        Who asks while it is being made waits for the same one; it goes on if they do not wait.
        """
        asked = _Asked(serving.digest, serving.live.version, days)
        found = self._found.get(asked)
        if found is not None and now - FRESH_FOR < found.computed <= now:
            return found
        task = self._under_way.get(asked)
        if task is None:
            task = self._under_way[asked] = asyncio.create_task(self._make(asked, serving, now))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())  # also if nobody waits any more
        return await asyncio.shield(task)

    async def _make(self, asked: _Asked, serving: Serving, now: datetime) -> Monitor:
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._thread, self._find, serving, asked.days, now)
            self._found.pop(asked, None)
            self._found[asked] = found
            if len(self._found) > MOST_KEPT:
                del self._found[next(iter(self._found))]
            return found
        finally:
            del self._under_way[asked]


def monitor_router(state: State, bundles: Path) -> APIRouter:
    """The endpoint of the monitor."""
    router = APIRouter(prefix="/v1/models", tags=["models"])

    def find(serving: Serving, days: float, now: datetime) -> Monitor:
        live = serving.live
        reference = load_reference(state.registry.version(live.name, live.version), bundles)
        return monitor(live, reference, state.predictions, now=now, days=days)

    monitors = Monitors(find)

    @router.get("/{name}/monitor", summary="Whether rows are still like those of the training", responses=PROBLEMS)
    async def show_monitor(
        name: str,
        days: Annotated[float, Query(gt=0, le=366, description="How far back to look.")] = DEFAULT_DAYS,
    ) -> Monitor:
        return await monitors.of(state.live_models.serving(name), days, state.now())

    return router
