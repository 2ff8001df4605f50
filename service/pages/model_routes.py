"""/models/{name}: the scoring form, the versions and the history of a model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from models.answers.default_view import view_of
from models.errors import EventError
from models.evaluation.metric_tables import metrics_of
from models.records.events.alert_desk import subject_of
from models.records.events.alert_views import SubjectEvent, subject_events
from models.registry.database.engine import reading
from service.api.model_views import model_details
from service.errors import FieldError, InvalidRequestError
from service.live.served_model import ServedModel
from service.pages.rendering import may
from service.pages.site import Site
from service.pages.trying.try_form import LESS, MORE, TryForm, example_form, try_form
from service.requests.bodies import JSON
from service.requests.field_errors import event_field
from service.requests.statuses import status_of

MAX_EVENTS = 15
"""Lines of the history on the page."""
DONE: Mapping[str, str] = {"promoted": "", "rolled-back": "Rolled back. "}
"""By the change that led to the page, what is said before which version is live now."""


def model_page_router(site: Site) -> APIRouter:
    """The routes of each model's page."""
    router = APIRouter(prefix="/models/{name}", include_in_schema=False)
    state, pages = site.state, site.pages

    async def page(request: Request, name: str, form: TryForm | None, status: int = 200, **answer: Any) -> Response:
        details = await asyncio.to_thread(model_details, state, name)
        served = state.live_models.served_models.get(name)
        return await pages.page(
            request,
            "model.html.jinja",
            status,
            details=details,
            live=served.live if served else None,
            form=form,
            curl=form.curl(_address(request), needs_key=site.ring.is_needed) if form else "",
            may_score=may(request, "score"),
            may_change=may(request, "admin"),
            metrics=metrics_of(version.metrics for version in details.versions),
            history=details.history[: -MAX_EVENTS - 1 : -1],
            done=_done(request, details.champion),
            **{"answer": None, **answer},
        )

    @router.get("")
    async def page_model(name: str, request: Request) -> Response:
        served = state.live_models.served_models.get(name)
        return await page(request, name, example_form(served, _example(request)) if served else None)

    @router.post("")
    async def try_out(name: str, request: Request) -> Response:
        texts = await site.form(request)
        served = state.live_models.served(name)
        form = try_form(served, texts)
        if MORE in texts or LESS in texts:
            return await page(request, name, form)
        try:
            answer = json.loads(await _answer(site, name, form, request))
        except (InvalidRequestError, EventError) as error:
            return await page(request, name, form.with_errors(_field_errors(error, form)), status_of(error))
        return await page(
            request,
            name,
            form,
            answer=answer,
            view=view_of(served.live, answer),
            events=await asyncio.to_thread(_events_of_subject, site, served, form),
        )

    return router


async def _answer(site: Site, name: str, form: TryForm, request: Request) -> bytes:
    """The answer of the form's operation, or of `score` with all reasons, as the API gives it."""
    body = json.dumps(form.body).encode()

    async def read() -> bytes:
        return body

    async def receive() -> Message:
        return {"type": "http.request", "body": body}

    if form.form.operation:
        return await site.asking.operation_of(name, form.form.operation, read, request.scope)
    headers = [(b"content-type", JSON.encode())]
    scope = {**request.scope, "headers": headers, "query_string": b"reasons=all"}
    return await site.asking.score_of(name, scope, receive)


def _field_errors(error: InvalidRequestError | EventError, form: TryForm) -> list[FieldError]:
    """Errors by the paths of the form's fields."""
    return [event_field(error, form.row_path)] if isinstance(error, EventError) else list(error.errors)


def _events_of_subject(site: Site, served: ServedModel, form: TryForm) -> list[SubjectEvent] | None:
    """The last events of the row's subject; None for a model without a review queue."""
    live = served.live
    if live.queue is None:
        return None
    with reading(site.engine) as connection:
        return subject_events(
            connection, live.table, live.queue, live.name, subject_of(live.table, served.personal.keys_of(form.row))
        )


def _address(request: Request) -> str:
    """Base URL of this service as the browser sees it."""
    return f"{request.url.scheme}://{request.url.netloc}"


def _example(request: Request) -> int:
    """The number of the example that the form is filled with; -1 for the table's own."""
    number = request.query_params.get("example", "")
    return int(number) if number.isdecimal() and number.isascii() and len(number) < 5 else -1


def _done(request: Request, champion: int | None) -> str:
    """The message after a promotion or rollback; empty otherwise."""
    change = request.query_params.get("done", "")
    return f"{DONE[change]}Version {champion} is live." if change in DONE else ""
