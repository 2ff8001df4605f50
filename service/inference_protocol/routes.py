"""The endpoints of the protocol under /v2."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from models.registry.bundles import package_versions
from service.access.callers import Caller
from service.context import State
from service.errors import BinaryTensorsError, MissingMediaTypeError, NotLiveError
from service.inference_protocol.documentation import TAG
from service.inference_protocol.inference import infer
from service.inference_protocol.messages import (
    InferenceRequest,
    InferenceResponse,
    ModelMetadata,
    ModelReady,
    ServerLive,
    ServerMetadata,
    ServerReady,
)
from service.inference_protocol.metadata import model_metadata
from service.live.served_model import ServedModel
from service.requests.bodies import JSON, media_type, read_body
from service.requests.json_bodies import json_body_of

SERVER = "backscore"
INFER_ENDPOINTS = ("infer_model", "infer_version")
"""Route names of inference requests, which are their labels in the metrics."""
BINARY_HEADER = "inference-header-content-length"
"""Header with the length of the JSON part of a body with binary tensors."""


def inference_router(state: State, reasons_not_ready: Callable[[], list[str]]) -> APIRouter:
    """The endpoints of the protocol."""
    router = APIRouter(prefix="/v2", tags=[TAG])
    inference = Inference(state)
    router.include_router(_health_router(reasons_not_ready))

    @router.get("/", include_in_schema=False)
    @router.get("", summary="Server metadata")
    async def server_metadata() -> ServerMetadata:
        return ServerMetadata(name=SERVER, version=package_versions()[SERVER], extensions=[])

    @router.get("/models/{name}", summary="Model metadata", response_model_exclude_none=True)
    async def show_model(name: str) -> ModelMetadata:
        return model_metadata(state.live_models.served(name))

    @router.get("/models/{name}/versions/{version}", summary="Version metadata", response_model_exclude_none=True)
    async def show_version(name: str, version: str) -> ModelMetadata:
        return model_metadata(inference.served(name, version))

    @router.get("/models/{name}/ready", summary="Model readiness")
    async def model_ready(name: str) -> ModelReady:
        return ModelReady(name=state.live_models.served(name).live.name, ready=True)

    @router.get("/models/{name}/versions/{version}/ready", summary="Model readiness of a version")
    async def version_ready(name: str, version: str) -> ModelReady:
        return ModelReady(name=inference.served(name, version).live.name, ready=True)

    @router.post("/models/{name}/infer", include_in_schema=False)  # OpenAPI documents one path per live model instead
    async def infer_model(name: str, request: Request) -> Response:
        return await inference.answer(request, name, None)

    @router.post(
        "/models/{name}/versions/{version}/infer",
        summary="Score many rows by this version",
        response_model=InferenceResponse,
        openapi_extra=json_body_of(InferenceRequest),
    )
    async def infer_version(name: str, version: str, request: Request) -> Response:
        return await inference.answer(request, name, version)

    return router


def _health_router(reasons_not_ready: Callable[[], list[str]]) -> APIRouter:
    """The endpoints that need no key."""
    router = APIRouter(prefix="/health")

    @router.get("/live", summary="Server liveness")
    async def server_live() -> ServerLive:
        return ServerLive()

    not_yet = {"model": ServerReady, "description": "Not ready."}

    @router.get("/ready", summary="Server readiness", responses={503: not_yet})
    async def server_ready(response: Response) -> ServerReady:
        ready = not reasons_not_ready()
        if not ready:
            response.status_code = 503
        return ServerReady(ready=ready)

    return router


class Inference:
    """Answers inference requests by live models."""

    def __init__(self, state: State) -> None:
        self._state = state

    def served(self, name: str, version: str) -> ServedModel:
        """The champion if it is this version, else NotLiveError."""
        served = self._state.live_models.served(name)
        if version != str(served.live.version):
            raise NotLiveError(name, version, served.live.version)
        return served

    async def answer(self, request: Request, name: str, version: str | None) -> Response:
        """Answer a request by the requested version, or by the champion or its canary if it is None."""
        state, scope = self._state, request.scope
        caller: Caller = scope["key"]
        call, batch_id = state.batcher.new_call(caller.id), state.new_id()
        served = (
            state.live_models.served(name).for_prediction(batch_id) if version is None else self.served(name, version)
        )
        scope["log_fields"]["version"] = served.live.version
        if BINARY_HEADER in request.headers:
            raise BinaryTensorsError
        if "content-type" not in request.headers:  # pages of other sites can send that; Triton's client does
            raise MissingMediaTypeError
        media_type(scope, (JSON,))
        work = partial(
            infer,
            served,
            batcher=state.batcher,
            events=state.events,
            batch_id=batch_id,
            call=call,
            max_rows=state.settings.max_rows_per_batch,
        )
        read = read_body(scope, request.receive, state.settings.max_batch_bytes)
        return Response(await state.threads.answer(work, read, request.scope["exchange"]), media_type=JSON)
