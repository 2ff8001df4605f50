"""GET, POST and DELETE /v1/models/{name}/challenger: the rollout of a challenger, as shadow or canary."""

from __future__ import annotations

import asyncio
from datetime import datetime
from functools import partial
from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from models.errors import NoChallengerError
from models.monitoring.promotion.changes import start_rollout
from models.monitoring.promotion.comparison import promotion_test
from models.monitoring.promotion.sequential_test import PromotionTest
from models.registry.rollouts import Mode, Rollout
from service.access.callers import actor_of
from service.context import State
from service.errors import UnknownModelError
from service.requests.clients import unless_left
from service.requests.json_bodies import WITHOUT_NUL, json_body_of, read_json


class Challenge(BaseModel):
    """The challenger to start, and how."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"version": 2, "mode": "shadow", "why": "newer rows"}]}
    )

    version: PositiveInt = Field(strict=True)
    mode: Mode = Field(
        "shadow",
        description="`shadow`: scores every row, recorded but not returned; `canary`: answers a share of the requests.",
    )
    share: float = Field(
        0.0, ge=0, lt=1, strict=True, description="Share of predictions that a canary answers, chosen by ID; above 0."
    )
    why: str = Field("", max_length=1000, pattern=WITHOUT_NUL, description="Reason, for the history.")


class Challenger(BaseModel):
    """The challenger of a model."""

    name: str
    version: int
    mode: Mode
    share: float = Field(description="Share of predictions that a canary answers; 0 for a shadow.")
    started: datetime
    started_by: str
    active: bool = Field(description="Whether it is live in this process.")
    refused: str | None = Field(description="Why it is not live, in which case the champion answers alone.")


class ComparedChallenger(Challenger):
    """The challenger, compared with the champion."""

    champion: int = Field(description="The version that is challenged.")
    test: PromotionTest


def rollout_router(state: State, engine: sa.Engine) -> APIRouter:
    """The endpoints of the challenger."""
    router = APIRouter(prefix="/v1/models/{name}/challenger", tags=["models"])
    registry, live_models = state.registry, state.live_models

    @router.get("", summary="Show the challenger, and whether it is better")
    async def show(name: str, request: Request) -> ComparedChallenger:
        live, now = live_models.served(name).live, state.now()
        rollout = await asyncio.to_thread(registry.rollouts.rollout, name)
        if rollout is None:
            raise NoChallengerError(name)
        find = partial(promotion_test, engine, rollout, live.version, live.domain, live.table, now=now)
        test = await unless_left(request, state.cached_reports.of(("rollout", rollout, live.version), find, now=now))
        return ComparedChallenger(**dict(_challenger(state, rollout)), champion=live.version, test=test)

    @router.post("", summary="Start a rollout: a challenger as shadow or canary", openapi_extra=json_body_of(Challenge))
    async def start(name: str, request: Request) -> Challenger:
        wanted = await read_json(request, state.settings.max_body_bytes, Challenge)
        return _challenger(state, await _started(state, name, wanted, actor_of(request.scope)))

    @router.delete("", summary="End the rollout")
    async def stop(
        name: str,
        request: Request,
        why: Annotated[str, Query(max_length=1000, pattern=WITHOUT_NUL, description="Reason, for the history.")] = "",
    ) -> Challenger:
        if name not in await asyncio.to_thread(registry.names):
            raise UnknownModelError(name, live_models.served_models)
        change = partial(registry.rollouts.stop, name, actor=actor_of(request.scope), why=why)
        rollout = await asyncio.to_thread(change)
        await live_models.refresh()
        return _challenger(state, rollout)

    return router


async def _started(state: State, name: str, wanted: Challenge, actor: str) -> Rollout:
    """The rollout that was asked for, once its challenger is live."""
    state.live_models.served(name)  # an unknown model is a 404, whatever else is wrong
    return await state.live_models.change(
        lambda load: start_rollout(
            state.registry,
            load,
            name,
            wanted.version,
            mode=wanted.mode,
            share=wanted.share,
            actor=actor,
            why=wanted.why,
        )
    )


def _challenger(state: State, rollout: Rollout) -> Challenger:
    live_models = state.live_models
    served, refusal = (
        live_models.served_models.get(rollout.name),
        live_models.refused_challengers.by_name.get(rollout.name),
    )
    return Challenger(
        name=rollout.name,
        version=rollout.version,
        mode=rollout.mode,
        share=rollout.share,
        started=rollout.started,
        started_by=rollout.started_by,
        active=served is not None and served.rollout == rollout,
        refused=refusal.why if refusal and refusal.desired.rollout == rollout else None,
    )
