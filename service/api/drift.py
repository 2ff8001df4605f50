"""GET /v1/models/{name}/monitor: data drift of recent requests against the training set."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from models.monitoring.drift.monitor import DEFAULT_DAYS, monitor
from models.monitoring.drift.reference import load_reference
from models.monitoring.drift.results import Monitor
from service.context import State
from service.live.served_model import ServedModel
from service.requests.clients import unless_left
from service.requests.periods import ROUNDED, rounded
from service.requests.problems import MEDIA_TYPE

FRESH_FOR = timedelta(minutes=1)
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": description,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status, description in {
        409: "The bundle has no reference distribution of the training set, or is damaged.",
        503: "The database is unavailable, or too many reports wait; see `Retry-After`.",
    }.items()
}


async def monitor_of(state: State, bundles: Path, name: str, days: float = DEFAULT_DAYS) -> Monitor:
    """Drift of the last days' rows against the training set, at most a minute old.

    Raises
    ------
    UnknownModelError
        No model of that name is live.
    NoReferenceError, BundleError
        The bundle has no reference distribution of the training set, or is damaged.
    OverloadedError
        Too many reports wait already.
    """
    served, now = state.live_models.served(name), state.now()

    def find() -> Monitor:
        reference = load_reference(state.registry.version(name, served.live.version), bundles)
        return monitor(served.live, reference, state.predictions, now=now, days=days)

    return await state.cached_reports.of(_cache_key(served, days), find, now=now, fresh_for=FRESH_FOR)


def last_monitor(state: State, served: ServedModel) -> Monitor | None:
    """The latest drift report of this process over the default period; None if there is none of the last day."""
    key = _cache_key(served, DEFAULT_DAYS)
    found: Monitor | None = state.cached_reports.found(key, now=state.now(), fresh_for=timedelta(days=1))
    return found


def _cache_key(served: ServedModel, days: float) -> Hashable:
    return ("monitor", served.digest, served.live.version, days)


def monitor_router(state: State, bundles: Path) -> APIRouter:
    """The endpoint of the drift monitor."""
    router = APIRouter(prefix="/v1/models", tags=["models"])

    @router.get("/{name}/monitor", summary="Data drift: recent rows compared with the training set", responses=PROBLEMS)
    async def show_monitor(
        name: str,
        request: Request,
        days: Annotated[
            float, Query(gt=0, le=366, description=f"Length of the period, up to now; {ROUNDED}.")
        ] = DEFAULT_DAYS,
    ) -> Monitor:
        return await unless_left(request, monitor_of(state, bundles, name, rounded(days)))

    return router
