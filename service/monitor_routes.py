"""GET /v1/models/{name}/monitor: whether the rows that are answered are still like those of the training."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query

from models.contract import Live
from models.drift.monitor import DEFAULT_DAYS, monitor
from models.drift.reference import load_reference
from models.drift.results import Monitor
from service.problems import MEDIA_TYPE
from service.state import State

FRESH_FOR = timedelta(minutes=1)
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


def monitor_router(state: State, bundles: Path) -> APIRouter:
    """The endpoint of the monitor."""
    router = APIRouter(prefix="/v1/models", tags=["models"])

    def find(live: Live, days: float, now: datetime) -> Monitor:
        reference = load_reference(state.registry.version(live.name, live.version), bundles)
        return monitor(live, reference, state.predictions, now=now, days=days)

    @router.get("/{name}/monitor", summary="Whether rows are still like those of the training", responses=PROBLEMS)
    async def show_monitor(
        name: str,
        days: Annotated[float, Query(gt=0, le=366, description="How far back to look.")] = DEFAULT_DAYS,
    ) -> Monitor:
        serving, now = state.live_models.serving(name), state.now()
        asked = ("monitor", serving.digest, serving.live.version, days)
        return await state.findings.of(asked, partial(find, serving.live, days, now), now=now, fresh_for=FRESH_FOR)

    return router
