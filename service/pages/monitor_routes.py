"""/models/{name}/monitor: review queue, live performance and data drift of a model."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Generic, TypeVar

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from models.contract import Task
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
from service.requests.clients import unless_left

T = TypeVar("T")

WINDOWS = {1: "24 hours", 7: "7 days", 30: "30 days", 90: "90 days"}
"""Periods to choose from, by their length in days."""
MAX_ALERTS = 20
VERDICTS = {"confirmed": "Confirm", "cleared": "Clear", "unsure": "Not sure"}


@dataclass(frozen=True)
class Found(Generic[T]):
    """A report, or why there is none."""

    value: T | None
    why_not: str = ""


@dataclass(frozen=True)
class Pair:
    """A bin of both histograms: its share of reference and recent rows, and the widths of its bars in percent."""

    name: str
    reference: float
    recent: float
    reference_width: float
    recent_width: float


def monitor_page_router(site: Site) -> APIRouter:
    """The routes of the monitor and of verdicts."""
    router = APIRouter(prefix="/models/{name}", include_in_schema=False)
    state = site.state

    @router.get("/monitor")
    async def page_monitor(name: str, request: Request) -> Response:
        live = state.live_models.served(name).live
        given = request.query_params.get("days", "")
        days = int(given) if given in map(str, WINDOWS) else int(DEFAULT_DAYS)
        performance = await unless_left(request, performance_of(state, site.engine, name))
        measures = _measures(live.domain.task)
        drift = await unless_left(request, _found(monitor_of(state, site.bundles, name, days)))
        alerts = await asyncio.to_thread(_alerts, site, name) if live.queue else None
        return await site.pages.page(
            request,
            "monitor.html.jinja",
            live=live,
            days=days,
            windows=WINDOWS,
            performance=performance,
            weeks=performance.by_week[::-1],  # the newest first
            first=_first_outcomes(performance),
            charts=_charts(performance, measures),
            measures=measures,
            drift=drift,
            pairs=pairs,
            alerts=alerts,
            verdicts=VERDICTS,
            may_decide=may(request, "outcomes"),
            by=caller_of(request).name,
        )

    @router.post("/alerts/{number:int}/verdict")
    async def take_verdict(name: str, number: int, request: Request) -> Response:
        verdict = checked(await site.form(request), VerdictRequest)
        decide = partial(review_queue(state, site.engine, name).decide, by=verdict.by, note=verdict.note)
        await asyncio.to_thread(decide, number, verdict.verdict)
        return see_other(f"/models/{name}/monitor#alerts")

    return router


async def _found(report: Awaitable[T]) -> Found[T]:
    try:
        return Found(await report)
    except (NoReferenceError, BundleError) as error:
        return Found(None, str(error))


def _alerts(site: Site, name: str) -> Alerts:
    return review_queue(site.state, site.engine, name).alerts("open", MAX_ALERTS)


def _measures(task: Task) -> dict[str, str]:
    """The titles, by key, of what is observed from outcomes and expected from the predictions alone."""
    titles = {metric.key: metric.title for metric in task.metrics}
    shown = {key: titles[key] for key in task.live_metrics}
    return {**shown, "event_rate": "Event rate"} if task.is_binary else shown


def _charts(performance: Performance, measures: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Charts by the title of their measure, of those with enough weeks."""
    shown = list(measures.items())[:2]
    charts = {title: week_chart(performance.by_week, key, title) for key, title in shown}
    return {title: chart for title, chart in charts.items() if chart is not None}


def _first_outcomes(performance: Performance) -> str:
    """The week in which outcomes of the first predictions begin to count; empty without predictions."""
    if not performance.by_week:
        return ""
    day = performance.by_week[0].since + timedelta(days=performance.maturity_days)
    return f"week of {day - timedelta(days=day.weekday())}"


def pairs(drift: ColumnDrift) -> list[Pair]:
    """The bins of both histograms; the longest bar fills the width."""
    shares = [
        (one.name, one.n_reference / max(drift.n_reference, 1), one.n_recent / max(drift.n_recent, 1))
        for one in drift.bins
    ]
    most = max((max(reference, recent) for _, reference, recent in shares), default=0.0) or 1.0
    return [
        Pair(name, reference, recent, round(reference / most * 100, 2), round(recent / most * 100, 2))
        for name, reference, recent in shares
    ]
