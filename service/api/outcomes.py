"""POST /v1/outcomes, and GET /v1/models/{name}/performance: live performance by week."""

from __future__ import annotations

import asyncio
from functools import partial, reduce
from operator import or_
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, create_model

from data.rows import refuse_what_is_no_iso_date
from models.domains._discovery import load_domains
from models.monitoring.performance.weekly import Performance, performance
from models.records.outcomes.ledger import Outcome
from models.records.outcomes.predictions import take_outcomes
from service.access.callers import Caller
from service.context import State
from service.errors import FieldError, TooManyRowsError
from service.requests.clients import unless_left
from service.requests.field_errors import json_pointer, shown
from service.requests.json_bodies import WITHOUT_NUL, json_body_of, read_json
from service.requests.periods import ROUNDED, rounded

USUAL_WEEKS = 12
EXAMPLE: Any = {
    "outcomes": [
        {"prediction_id": "0192f3a8c1d27d3e9b1a4c5d6e7f8091", "outcome": True, "observed": "2027-05-31T00:00:00Z"}
    ]
}


class OutcomeEntry(BaseModel):
    """The outcome of one prediction."""

    model_config = ConfigDict(extra="forbid")

    prediction_id: Annotated[str, Field(min_length=1, max_length=200, pattern=WITHOUT_NUL)] = Field(
        description="ID from the response; for a ranking, the outcome is that of the ad that was shown."
    )
    outcome: Any = Field(
        description="The true label: true or false, a class, or a number, depending on the model; null withdraws an "
        "earlier outcome."
    )
    observed: Annotated[AwareDatetime, BeforeValidator(refuse_what_is_no_iso_date)] | None = Field(
        None, description="Time of observation, by default now; the outcome observed last counts."
    )


class OutcomesRequest(BaseModel):
    """Outcomes of predictions, in any order."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})

    outcomes: list[OutcomeEntry] = Field(min_length=1)


def outcomes_request() -> type[OutcomesRequest]:
    """The type of the body; its outcomes are of the types of the installed domains' tasks."""
    outcome: Any = reduce(or_, dict.fromkeys(domain.task.outcome_type for domain in load_domains().values()))
    field = OutcomeEntry.model_fields["outcome"]
    entry: Any = create_model("OutcomeEntry", __base__=OutcomeEntry, outcome=(outcome | None, field))
    entry.__doc__ = OutcomeEntry.__doc__
    request = create_model("OutcomesRequest", __base__=OutcomesRequest, outcomes=(list[entry], Field(min_length=1)))
    request.__doc__ = OutcomesRequest.__doc__
    return request


class OutcomesAnswer(BaseModel):
    """Numbers of outcomes received and stored."""

    n_outcomes: int = Field(description="Outcomes in the request.")
    n_new: int = Field(description="New outcomes; repeated ones change nothing.")
    errors: list[FieldError] = Field(description="Outcomes that were rejected; all others are stored.")


def outcome_router(state: State, engine: sa.Engine) -> APIRouter:
    """The endpoints of outcomes.

    Parameters
    ----------
    engine : the database with the audit log.
    """
    router, body = APIRouter(prefix="/v1", tags=["outcomes"]), outcomes_request()

    @router.post("/outcomes", summary="Report outcomes of predictions", openapi_extra=json_body_of(body))
    async def take(request: Request) -> OutcomesAnswer:
        max_rows = state.settings.max_rows_per_batch
        # Generous: commas within strings count as values, too
        max_values = 4 * max_rows * len(OutcomeEntry.model_fields)
        sent = await read_json(request, state.settings.max_batch_bytes, body, max_values=max_values)
        if len(sent.outcomes) > max_rows:
            raise TooManyRowsError(max_rows)
        caller: Caller = request.scope["key"]
        return await asyncio.to_thread(partial(store_outcomes, state, engine, sent, caller.id))

    @router.get("/models/{name}/performance", summary="Weekly performance of live predictions with known outcomes")
    async def show(
        name: str,
        request: Request,
        weeks: Annotated[int, Query(ge=1, le=520, description="Length of the period, up to now.")] = USUAL_WEEKS,
        maturity_days: Annotated[
            float | None,
            Query(
                ge=0,
                le=3_650,
                description=f"Age at which an outcome counts as known, {ROUNDED}; the model's own if left out.",
            ),
        ] = None,
    ) -> Performance:
        matures = None if maturity_days is None else rounded(maturity_days)
        return await unless_left(request, performance_of(state, engine, name, weeks, matures))

    return router


async def performance_of(
    state: State, engine: sa.Engine, name: str, weeks: int = USUAL_WEEKS, maturity_days: float | None = None
) -> Performance:
    """Live performance of a model over the last weeks; UnknownModelError if no model of that name is live."""
    live, now = state.live_models.served(name).live, state.now()
    find = partial(performance, engine, live, now=now, weeks=weeks, maturity_days=maturity_days)
    return await state.cached_reports.of(("performance", name, live.version, weeks, maturity_days), find, now=now)


def store_outcomes(state: State, engine: sa.Engine, sent: OutcomesRequest, key_id: str) -> OutcomesAnswer:
    """Store the outcomes of a request; blocks on the database."""
    outcomes = [Outcome(one.prediction_id, one.outcome, one.observed, key_id) for one in sent.outcomes]
    live = [served.live for served in state.live_models.served_models.values()]
    targets = {one.name: (one.domain.task, one.table) for one in live}
    taken = take_outcomes(engine, outcomes, now=state.now(), targets=targets)
    errors = [
        FieldError(
            path=json_pointer(["outcomes", place, field]),
            message=message,
            value=shown(getattr(sent.outcomes[place], field)),
        )
        for place, (field, message) in sorted(taken.problems.items())
    ]
    return OutcomesAnswer(n_outcomes=len(outcomes), n_new=taken.n_new, errors=errors)
