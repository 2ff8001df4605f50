"""GET /v1/models and /v1/models/{name}, and POST of promote, rollback and policy."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt

from models.monitoring.promotion.changes import Allowed
from service.access.callers import actor_of
from service.api.model_changes import activate_policy, promote, roll_back
from service.api.model_views import ModelDetails, ModelList, ModelState, model_details, model_list
from service.context import State
from service.requests.json_bodies import WITHOUT_NUL, json_body_of, read_json


class Promotion(BaseModel):
    """The version to promote to champion."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"version": 1, "why": "better AUC"}]})

    version: PositiveInt = Field(strict=True)
    why: str = Field("", max_length=1000, pattern=WITHOUT_NUL, description="Reason, for the history.")
    allow_request_change: bool = Field(
        False, strict=True, description="Promote it although it takes other requests than the champion."
    )
    allow_suspected_leak: list[str] = Field(
        [], max_length=100, description="Inputs to let be although they are suspected to hold the target."
    )


class Activation(BaseModel):
    """The stored policy to activate."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"version": 1, "why": "fewer losses"}]})

    version: NonNegativeInt = Field(
        strict=True, description="Number of the policy; 0 is the policy in the bundle of each version."
    )
    why: str = Field("", max_length=1000, pattern=WITHOUT_NUL, description="Reason, for the history.")


class Rollback(BaseModel):
    """The reason for a return to the previous champion."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"why": "complaints since noon"}]})

    why: str = Field("", max_length=1000, pattern=WITHOUT_NUL, description="Reason, for the history.")


def model_router(state: State) -> APIRouter:
    """The endpoints of the registry."""
    router = APIRouter(prefix="/v1/models", tags=["models"])

    @router.get("", summary="List models and their live versions")
    def list_models() -> ModelList:
        return model_list(state)

    @router.get("/{name}", summary="Show a model with its versions, metrics and history")
    def show_model(name: str) -> ModelDetails:
        return model_details(state, name)

    @router.post(
        "/{name}/promote",
        name="promote",
        summary="Promote a version",
        openapi_extra=json_body_of(Promotion),
    )
    async def promote_version(name: str, request: Request) -> ModelState:
        wanted = await read_json(request, state.settings.max_body_bytes, Promotion)
        allowed = Allowed(suspected_leaks=wanted.allow_suspected_leak, request_change=wanted.allow_request_change)
        return await promote(
            state, name, wanted.version, actor=actor_of(request.scope), why=wanted.why, allowed=allowed
        )

    @router.post("/{name}/rollback", summary="Roll back to the previous champion", openapi_extra=json_body_of(Rollback))
    async def rollback(name: str, request: Request) -> ModelState:
        wanted = await read_json(request, state.settings.max_body_bytes, Rollback)
        return await roll_back(state, name, actor=actor_of(request.scope), why=wanted.why)

    @router.post("/{name}/policy", summary="Activate a stored policy", openapi_extra=json_body_of(Activation))
    async def activate(name: str, request: Request) -> ModelState:
        wanted = await read_json(request, state.settings.max_body_bytes, Activation)
        return await activate_policy(state, name, wanted.version, actor=actor_of(request.scope), why=wanted.why)

    return router
