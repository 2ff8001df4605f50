"""GET /learn/train, /learn/state and /learn/trace: a small network that learns, for the pages that show it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from models.playground.run import PlaygroundState, TracedPoint
from models.playground.settings import PlaygroundSettings
from service.pages.trainings import MOST_SECONDS, Trainings

MOST_STEPS = 2_000_000
EVENTS = "text/event-stream"


class Place(PlaygroundSettings):
    """A moment of a training."""

    steps: int = Field(0, ge=0, le=MOST_STEPS, title="Steps taken")

    @property
    def settings(self) -> PlaygroundSettings:
        """Of the training."""
        return PlaygroundSettings(**{name: getattr(self, name) for name in PlaygroundSettings.model_fields})


class PlaceOfRow(Place):
    """A row at a moment of a training."""

    row: int = Field(0, ge=0, lt=2_000, title="Row", description="Those that are learned from come first.")


class End(BaseModel):
    """Why a stream ends."""

    why: Literal["finished", "diverged", "time"]
    text: str


def learning_router(trainings: Trainings) -> APIRouter:
    """The endpoints of the playground."""
    router = APIRouter(prefix="/learn", tags=["learning"])

    @router.get("/state", summary="A small network after so many steps of its training")
    async def show_state(place: Annotated[Place, Query()]) -> PlaygroundState:
        return await trainings.state(place.settings, place.steps)

    @router.get("/trace", summary="A row through that network and back, in numbers")
    async def show_trace(place: Annotated[PlaceOfRow, Query()]) -> TracedPoint:
        return await trainings.trace(place.settings, place.steps, place.row % place.n_rows)

    @router.get(
        "/train",
        summary="Watch that network learn: server-sent events `epoch`, each a state, and `end`",
        response_class=StreamingResponse,
        responses={200: {"content": {EVENTS: {"schema": {"type": "string"}}}}},
    )
    async def train(place: Annotated[Place, Query()]) -> StreamingResponse:
        events = _events(trainings.frames(place.settings, place.steps))
        first = await anext(events)  # what is refused is refused before an answer begins
        return StreamingResponse(_all(first, events), media_type=EVENTS, headers={"Cache-Control": "no-store"})

    return router


async def _events(frames: AsyncIterator[PlaygroundState]) -> AsyncIterator[bytes]:
    last = None
    async with aclosing(frames) as states:  # type: ignore[type-var]
        async for last in states:
            yield _event("epoch", last)
    yield _event("end", _end(last))


async def _all(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async with aclosing(rest) as events:  # type: ignore[type-var]
        yield first
        async for event in events:
            yield event


def _end(last: PlaygroundState | None) -> End:
    if last is not None and last.diverged:
        return End(why="diverged", text="The weights are no finite numbers any more: the steps were too large.")
    if last is not None and not last.is_finished:
        return End(why="time", text=f"{MOST_SECONDS:g} seconds are over; go on whenever you like.")
    return End(why="finished", text="All epochs are over.")


def _event(name: str, content: BaseModel) -> bytes:
    """See https://html.spec.whatwg.org/multipage/server-sent-events.html; JSON holds no line breaks."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), content.model_dump_json().encode())
