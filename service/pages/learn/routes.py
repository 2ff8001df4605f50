"""GET /learn/train, /learn/state and /learn/trace: the trainings behind the playground."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from models.playground.settings import PlaygroundSettings
from models.playground.states import PlaygroundState, TracedPoint
from service.errors import FieldError, InvalidRequestError
from service.pages.learn.trainings import MAX_SECONDS, End, Trainings
from service.requests.bodies import JSON
from service.requests.clients import unless_left
from service.requests.problems import MEDIA_TYPE as PROBLEM_TYPE

MAX_STEPS = 2_000_000
SECONDS_TO_READ = 5.0
"""Grace after the longest training for a client that reads slowly."""
EVENTS = "text/event-stream"
EVENT = {
    "type": "object",
    "required": ["event", "data"],
    "properties": {
        "event": {"type": "string", "enum": ["epoch", "end"]},
        "data": {"type": "string", "description": "JSON: a state without its points, or why the training ended."},
    },
}
"""OpenAPI describes the events of such a stream."""
NO_ROOM: dict[int | str, dict[str, Any]] = {
    429: {
        "description": "All training slots are in use; see `Retry-After`.",
        "content": {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}


class Place(PlaygroundSettings):
    """A training after some steps."""

    steps: int = Field(0, ge=0, le=MAX_STEPS, title="Steps taken")

    @property
    def settings(self) -> PlaygroundSettings:
        """The settings of the training."""
        return PlaygroundSettings(**{name: getattr(self, name) for name in PlaygroundSettings.model_fields})


class PlaceOfRow(Place):
    """A row after some steps of a training."""

    row: int = Field(0, ge=0, title="Row", description="Below the number of rows; the training set comes first.")


def learning_router(trainings: Trainings) -> APIRouter:
    """The endpoints of the playground."""
    router = APIRouter(prefix="/learn", tags=["learning"], responses=NO_ROOM)

    @router.get("/state", summary="State of a small network after some training steps", response_model=PlaygroundState)
    async def show_state(place: Annotated[Place, Query()], request: Request) -> Response:
        return _json(await unless_left(request, trainings.state(place.settings, place.steps)))

    @router.get("/trace", summary="Forward and backward pass of a row through that network", response_model=TracedPoint)
    async def show_trace(place: Annotated[PlaceOfRow, Query()], request: Request) -> Response:
        if place.row >= place.n_rows:
            raise InvalidRequestError(
                [FieldError(path="?row", message=f"must be less than n_rows, {place.n_rows}", value=place.row)]
            )
        return _json(await unless_left(request, trainings.trace(place.settings, place.steps, place.row)))

    @router.get(
        "/train",
        summary="Training as server-sent events: `epoch`, each a state, and `end`",
        response_class=StreamingResponse,
        responses={200: {"description": "The events.", "content": {EVENTS: {"schema": EVENT}}}},
    )
    async def train(place: Annotated[Place, Query()]) -> Response:
        return Watching(trainings, place.settings, place.steps)

    return router


class Watching(StreamingResponse):
    """The events of a training, which holds its slot while they are sent and is closed however that ends."""

    def __init__(self, trainings: Trainings, settings: PlaygroundSettings, steps: int) -> None:
        # a buffering proxy would deliver all frames at once
        headers = {"X-Accel-Buffering": "no"}
        self._trainings, self._events = trainings, _events(trainings.frames(settings, steps))
        super().__init__(self._events, media_type=EVENTS, headers=headers)

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Serve one connection; TooManyTrainingsError before anything is sent."""
        with self._trainings.place():
            await super().__call__(scope, receive, send)

    async def stream_response(self, send: Send) -> None:
        """Send the events; ClientDisconnect if the client does not read them."""
        with anyio.move_on_after(MAX_SECONDS + SECONDS_TO_READ) as waiting:
            async with aclosing(self._events):  # type: ignore[type-var]
                await super().stream_response(send)
        if waiting.cancelled_caught:
            raise ClientDisconnect


async def _events(frames: AsyncIterator[PlaygroundState | End]) -> AsyncIterator[bytes]:
    async with aclosing(frames) as states:  # type: ignore[type-var]
        async for state in states:
            yield _event("end" if isinstance(state, End) else "epoch", state)


def _event(name: str, content: BaseModel) -> bytes:
    """See https://html.spec.whatwg.org/multipage/server-sent-events.html; JSON holds no line breaks."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), content.model_dump_json().encode())


def _json(content: BaseModel) -> Response:
    """Serialised by pydantic: the framework's own way takes twenty times as long, on the event loop."""
    return Response(content.model_dump_json(), media_type=JSON)
