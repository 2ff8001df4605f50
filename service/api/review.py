"""GET /v1/{name}/alerts, rules and figures, and POST of verdicts: the review queue of a live model."""

from __future__ import annotations

import asyncio
from datetime import datetime
from functools import partial
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from models.contract import LiveModel
from models.decisions.alerts.subject_precision import HANDBOOK_K
from models.errors import NoQueueError
from models.monitoring.performance.alert_figures import LiveFigures, live_figures
from models.records.events.alert_views import Alert, Status, Verdict
from models.records.events.review_queue import Alerts, ReviewQueue
from models.records.events.rule_counts import RuleCounts, rule_counts
from models.registry.database.engine import reading
from service.context import State
from service.requests.clients import unless_left
from service.requests.json_bodies import WITHOUT_NUL, json_body_of, read_json
from service.requests.periods import ROUNDED, rounded

VERDICT_EXAMPLE: Any = {"verdict": "confirmed", "by": "Ada", "note": "the holder was at home"}


class VerdictRequest(BaseModel):
    """A reviewer's verdict on an alert."""

    model_config = ConfigDict(
        extra="forbid", str_strip_whitespace=True, json_schema_extra={"examples": [VERDICT_EXAMPLE]}
    )

    verdict: Verdict = Field(
        description="`confirmed`: its events are positive; `cleared`: negative; `unsure` closes it without a label."
    )
    by: str = Field(min_length=1, max_length=200, pattern=WITHOUT_NUL, description="The reviewer.")
    note: str = Field("", max_length=2000, pattern=WITHOUT_NUL, description="Why.")


class LiveRules(BaseModel):
    """The rules of a model's policy, with the number of stored events that matched each."""

    model: str
    policy_version: int = Field(description="The policy that the rules belong to.")
    label_delay_days: float = Field(description="Days after which the label of an event counts as final.")
    rules: list[RuleCounts] = Field(description="In the order of the policy.")


def review_router(state: State, engine: sa.Engine) -> APIRouter:
    """The endpoints of the review queue; 404 for a model without one.

    Parameters
    ----------
    engine : the database with the stored events.
    """
    router = APIRouter(prefix="/v1/{name}", tags=["review"])
    _add_alerts(router, state, engine)
    _add_figures(router, state, engine)
    return router


def _add_alerts(router: APIRouter, state: State, engine: sa.Engine) -> None:
    """The queue and its verdicts."""

    def queue(name: str) -> ReviewQueue:
        return review_queue(state, engine, name)

    @router.get("/alerts", summary="The review queue, highest expected loss first")
    def list_alerts(name: str, status: Status = "open", limit: Annotated[int, Query(ge=1, le=500)] = 50) -> Alerts:
        return queue(name).alerts(status, limit)

    @router.get("/alerts/{number:int}", summary="Show an alert")
    def show_alert(name: str, number: int) -> Alert:
        return queue(name).alert(number)

    @router.post(
        "/alerts/{number:int}/verdict",
        summary="Give or correct the verdict on an alert",
        openapi_extra=json_body_of(VerdictRequest),
    )
    async def decide(name: str, number: int, request: Request) -> Alert:
        sent = await read_json(request, state.settings.max_body_bytes, VerdictRequest)
        work = partial(queue(name).decide, number, sent.verdict, by=sent.by, note=sent.note)
        return await asyncio.to_thread(work)


def _add_figures(router: APIRouter, state: State, engine: sa.Engine) -> None:
    """What rules and model did on stored events."""

    @router.get("/rules", summary="The policy's rules, with their live hits")
    async def list_rules(name: str, request: Request) -> LiveRules:
        model, now = _live_with_queue(state, name), state.now()
        key = ("rules", name, model.version, model.policy_version)
        return await unless_left(request, state.cached_reports.of(key, partial(_rules, engine, model, now), now=now))

    @router.get("/figures", summary="Performance by matured labels")
    async def show_figures(
        name: str,
        request: Request,
        k: Annotated[
            int, Query(ge=1, le=1_000_000, description="Number of subjects, such as cards, per day for precision@k.")
        ] = HANDBOOK_K,
        days: Annotated[
            float | None,
            Query(gt=0, le=3_650, description=f"Length of the period, up to now, {ROUNDED}; unlimited if left out."),
        ] = None,
    ) -> LiveFigures:
        model, now = _live_with_queue(state, name), state.now()
        period = None if days is None else rounded(days)
        find = partial(live_figures, engine, model, now=now, k=k, days=period)
        key = ("figures", name, model.version, k, period)
        return await unless_left(request, state.cached_reports.of(key, find, now=now))


def _rules(engine: sa.Engine, model: LiveModel, now: datetime) -> LiveRules:
    """The rules with their hits; blocks on the database."""
    with reading(engine) as connection:
        counts = rule_counts(connection, model, now)
    return LiveRules(
        model=model.name,
        policy_version=model.policy_version,
        label_delay_days=model.table.label_delay_days,
        rules=counts,
    )


def review_queue(state: State, engine: sa.Engine, name: str) -> ReviewQueue:
    """The review queue of a live model; UnknownModelError or NoQueueError if there is none."""
    return ReviewQueue(engine, _live_with_queue(state, name), state.now)


def _live_with_queue(state: State, name: str) -> LiveModel:
    found = state.live_models.served(name).live
    if found.queue is None:
        raise NoQueueError(name)
    return found
