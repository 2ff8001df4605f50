"""/models/{name}/monitor: whether a model is still good, its rows still alike, and the alerts that wait for people."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from models.errors import BundleError, NoReferenceError
from models.monitoring.drift.monitor import DEFAULT_DAYS
from models.monitoring.drift.results import ColumnDrift
from models.monitoring.performance.weekly import Performance
from models.records.events.review_queue import Alerts
from service.api.drift import monitor_of
from service.api.outcomes import performance_of
from service.api.review import VerdictRequest, review_queue
from service.pages.rendering import caller_of, may, see_other
from service.pages.site import Site
from service.pages.trying.forms import checked
from service.pages.week_chart import week_chart

T = TypeVar("T")

WINDOWS = {1: "day", 7: "week", 30: "month", 90: "three months"}
"""Days that one can look back, and what they are called."""
MAX_ALERTS = 20
VERDICTS = {"confirmed": "Fraud", "cleared": "Genuine", "unsure": "Not sure"}
MEASURES = {"auc": "AUC", "log_loss": "Log-loss", "brier": "Brier score", "event_rate": "Rate of the event"}
"""Of live predictions: both measured by known outcomes and expected of the probabilities alone."""


@dataclass(frozen=True)
class Found(Generic[T]):
    """What was found, or why nothing can be."""

    value: T | None
    why_not: str = ""


@dataclass(frozen=True)
class Pair:
    """A bin of both histograms: its share of the training rows and of the recent ones, and bars in percent."""

    name: str
    reference: float
    recent: float
    reference_width: float
    recent_width: float


def monitor_page_router(site: Site) -> APIRouter:
    """The pages that show how a model does."""
    router = APIRouter(prefix="/models/{name}", include_in_schema=False)
    state = site.state

    @router.get("/monitor")
    async def page_monitor(name: str, request: Request) -> Response:
        live = state.live_models.served(name).live
        given = request.query_params.get("days", "")
        days = int(given) if given in map(str, WINDOWS) else int(DEFAULT_DAYS)
        performance = await performance_of(state, site.engine, name)
        drift = await _found(monitor_of(state, site.bundles, name, days))
        alerts = await asyncio.to_thread(_alerts, site, name) if live.queue else None
        return await site.pages.page(
            request,
            "monitor.html.jinja",
            live=live,
            days=days,
            windows=WINDOWS,
            performance=performance,
            weeks=performance.by_week[::-1],  # the newest first
            charts=_charts(performance),
            measures=MEASURES,
            drift=drift,
            pairs=pairs,
            alerts=alerts,
            verdicts=VERDICTS,
            may_decide=may(request, "outcomes"),
            by=caller_of(request).name,
        )

    @router.post("/alerts/{number:int}/verdict")
    async def take_verdict(name: str, number: int, request: Request) -> Response:
        said = checked(await site.form(request), VerdictRequest)
        decide = partial(review_queue(state, site.engine, name).decide, by=said.by, note=said.note)
        await asyncio.to_thread(decide, number, said.verdict)
        return see_other(f"/models/{name}/monitor#alerts")

    return router


async def _found(looking: Awaitable[T]) -> Found[T]:
    try:
        return Found(await looking)
    except (NoReferenceError, BundleError) as error:
        return Found(None, str(error))


def _alerts(site: Site, name: str) -> Alerts:
    return review_queue(site.state, site.engine, name).alerts("open", MAX_ALERTS)


def _charts(performance: Performance) -> dict[str, dict[str, Any]]:
    """By the name of the measure; none where there are too few weeks."""
    charts = {MEASURES[key]: week_chart(performance.by_week, key, MEASURES[key]) for key in ("auc", "log_loss")}
    return {title: chart for title, chart in charts.items() if chart is not None}


def pairs(drift: ColumnDrift) -> list[Pair]:
    """Both histograms side by side; the longest bar fills the width."""
    shares = [
        (one.name, one.n_reference / max(drift.n_reference, 1), one.n_recent / max(drift.n_recent, 1))
        for one in drift.bins
    ]
    most = max((max(reference, recent) for _, reference, recent in shares), default=0.0) or 1.0
    return [
        Pair(name, reference, recent, round(reference / most * 100, 2), round(recent / most * 100, 2))
        for name, reference, recent in shares
    ]
