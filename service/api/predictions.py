"""POST /v1/{name}/score, /v1/{name}/batch and /v1/{name}/{operation}: the endpoints of live models.

The type of the body depends on the live version, which changes while the service runs. So these routes read bytes and
leave validation to the live version, instead of naming a type in a signature; `service.openapi` documents them.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from time import perf_counter
from typing import get_args
from urllib.parse import parse_qs

import anyio.to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from models.contract import ReasonScope
from service.access.callers import Caller
from service.context import State
from service.errors import FieldError, InvalidRequestError, UnknownOperationError
from service.live.prediction_records import request_record
from service.live.served_model import LABELS, ServedModel
from service.live.served_operation import Operated
from service.requests.bodies import JSON, json_body, media_type, read_body, read_json
from service.requests.field_errors import shown
from service.requests.problems import on_error
from service.requests.statuses import EXPECTED_ERRORS
from service.scoring.batches import MEDIA_TYPES, answer_batch
from service.scoring.event_labels import answer_labels

JSON_BYTES = JSON.encode()


class ScoreFirst:
    """Answer POST /v1/{name}/score before FastAPI's own layers see the request.

    Routing, exit stacks, and request and response objects cost more than the prediction itself on the busiest path.
    All other requests are passed on.
    """

    path = re.compile(r"/v1/([^/]+)/score")

    def __init__(self, app: ASGIApp, routes: PredictionRoutes) -> None:
        self.app, self.routes = app, routes

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        match = self.path.fullmatch(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if match is None:
            await self.app(scope, receive, send)
            return
        try:
            answer = await self.routes.score_of(match[1], scope, receive)
        except EXPECTED_ERRORS as error:
            response = await on_error(Request(scope), error)
            await response(scope, receive, send)
            return
        headers = [(b"content-type", JSON_BYTES), (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})


class PredictionRoutes:
    """The endpoints of all live models."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        """The routes of the application; the busiest comes first."""
        return [
            Route("/v1/{name}/score", self.score, methods=["POST"]),
            Route("/v1/{name}/batch", self.batch, methods=["POST"]),
            Route("/v1/{name}/labels", self.labels, methods=["POST"]),
            Route("/v1/{name}/{operation}", self.operate, methods=["POST"]),
        ]

    async def score(self, request: Request) -> Response:
        """Score one row; `ScoreFirst` intercepts nearly all of these requests."""
        return Response(
            await self.score_of(request.path_params["name"], request.scope, request.receive), media_type=JSON
        )

    async def score_of(self, name: str, scope: AsgiScope, receive: Receive) -> bytes:
        """Score one row, JSON to JSON; on the event loop, since a switch to a thread would cost more than the work."""
        state = self._state
        call = state.batcher.new_call(_key_id(scope))
        prediction_id = state.new_id()
        served = state.live_models.served(name).for_prediction(prediction_id)
        scope["log_fields"]["version"] = served.live.version
        reasons = _reason_scope(scope)
        row, ignored = served.read_row(await read_json(scope, receive, state.settings.max_body_bytes))
        checked = perf_counter()
        if served.events is None:
            answer = await state.batcher.score(served, row, prediction_id, reasons, call)
        else:
            answer = (await state.events.answer(served, row, prediction_id, reasons, call)).encode()
        if state.tracing is not None:
            state.tracing.phases(call, checked)
        return _warned(answer, served, ignored, scope) if ignored else answer

    async def batch(self, request: Request) -> Response:
        """Score many rows, in a thread, so that the event loop stays free."""
        state, scope = self._state, request.scope
        call = state.batcher.new_call(_key_id(scope))
        batch_id = state.new_id()
        served = state.live_models.served(request.path_params["name"]).for_prediction(batch_id)
        scope["log_fields"]["version"] = served.live.version
        reasons, kind = _reason_scope(scope), media_type(scope, MEDIA_TYPES)
        work = partial(
            answer_batch,
            served,
            kind,
            batcher=state.batcher,
            events=state.events,
            batch_id=batch_id,
            call=call,
            reasons=reasons,
            max_rows=state.settings.max_rows_per_batch,
            max_bytes=state.settings.max_batch_bytes,
        )
        read = read_body(scope, request.receive, state.settings.max_batch_bytes)
        return Response(await state.threads.answer(work, read, request.scope["exchange"]), media_type=JSON)

    async def labels(self, request: Request) -> Response:
        """Store labels of events, in a thread, since it blocks on the database."""
        served, state = self._state.live_models.served(request.path_params["name"]), self._state
        if served.events is None:
            raise UnknownOperationError(served.live.name, LABELS, served.actions)
        body = await json_body(request, state.settings.max_batch_bytes)
        work = partial(
            answer_labels, served, served.events, body, now=state.now(), max_labels=state.settings.max_rows_per_batch
        )
        return Response(await anyio.to_thread.run_sync(work), media_type=JSON)

    async def operate(self, request: Request) -> Response:
        """Answer a request to one of the domain's own operations."""
        name, operation = request.path_params["name"], request.path_params["operation"]
        if name == "models":  # /v1/models/{name} exists, but only for GET
            raise HTTPException(405)

        async def read() -> bytes:
            return await json_body(request, self._state.settings.max_body_bytes)

        return Response(await self.operation_of(name, operation, read, request.scope), media_type=JSON)

    async def operation_of(
        self, name: str, operation: str, read: Callable[[], Awaitable[bytes]], scope: AsgiScope
    ) -> bytes:
        """Answer and record a request to one of the domain's operations, JSON to JSON.

        Parameters
        ----------
        read : returns the body. scope : the ASGI scope of the request.
        """
        state = self._state
        call = state.batcher.new_call(_key_id(scope))
        prediction_id = state.new_id()
        served = state.live_models.served(name).for_prediction(prediction_id)
        scope["log_fields"]["version"] = served.live.version
        described = served.operation(operation).operation
        body = await read()
        if described.conversation is not None:
            say = partial(state.conversing.answer, served, operation, body, prediction_id, call)
            done = await anyio.to_thread.run_sync(say)
            return self._sent(done, served, scope)
        operate = partial(served.operate, operation, body, prediction_id, recall=state.prediction_lookup)
        waits = described.in_thread or served.events is not None
        done = await anyio.to_thread.run_sync(operate) if waits else operate()
        if described.recorded and served.audit.records(prediction_id):
            record = request_record(served, prediction_id, operation, done.body, done.answer.decode(), call=call)
            stored = state.batcher.record(served, record)
            if stored is not None and (problem := await asyncio.wrap_future(stored)) is not None:
                raise problem
        return self._sent(done, served, scope)

    def _sent(self, done: Operated, served: ServedModel, scope: AsgiScope) -> bytes:
        """The answer of an operation as it is sent, with its fields in the log line."""
        scope["log_fields"].update(done.log_fields)
        return _warned(done.answer, served, done.ignored, scope) if done.ignored else done.answer


def _warned(answer: bytes, served: ServedModel, ignored: Sequence[str], scope: AsgiScope) -> bytes:
    """An answer with a warning for each retired input; the log line names them, and so who still sends them.

    Only what is sent has the warning: the recorded row is without these fields, and so is its answer.
    """
    scope["log_fields"]["ignored"] = list(ignored)
    return served.warned(answer, ignored)


def _key_id(scope: AsgiScope) -> str:
    """ID of the caller's key; empty if the service needs no keys."""
    caller: Caller = scope["key"]
    return caller.id


def _reason_scope(scope: AsgiScope) -> ReasonScope:
    """The query parameter `reasons`."""
    if (usual := _USUAL_QUERIES.get(scope["query_string"])) is not None:
        return usual
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    given = query.get("reasons", ["adverse"])[-1]
    for choice in get_args(ReasonScope):
        if given == choice:
            requested: ReasonScope = choice
            return requested
    message = f"must be one of {', '.join(get_args(ReasonScope))}"
    raise InvalidRequestError([FieldError(path="?reasons", message=message, value=shown(given))])


_USUAL_QUERIES: dict[bytes, ReasonScope] = {
    b"": "adverse",
    **{f"reasons={choice}".encode(): choice for choice in get_args(ReasonScope)},
}
