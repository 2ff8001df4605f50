"""/models/{name}: a model to try out, its versions and its history; and the pages that change which version answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from models.database import reading
from models.errors import EventError
from models.events.alert_views import CardEvent, card_events
from models.events.alerts import card_of
from models.reports.metrics import METRICS
from service.callers import actor_of
from service.errors import EXPECTED_ERRORS, FieldError, InvalidRequestError, status_of
from service.field_errors import event_field
from service.model_changes import promote, roll_back
from service.model_routes import Promotion, Rollback
from service.model_views import ModelDetails, model_details
from service.pages.forms import checked
from service.pages.rendering import may, see_other
from service.pages.site import Site
from service.pages.trying.answers import ANSWERS
from service.pages.trying.try_form import LESS, MORE, TryForm, try_form
from service.serving import Serving

MOST_EVENTS = 15
"""Lines of the history that are shown."""
WHY_MISSING = "Say why: whoever reads the history will ask."
DONE: Mapping[str, str] = {"promoted": "The version answers now.", "rolled-back": "What answered before answers again."}


def model_page_router(site: Site) -> APIRouter:
    """The pages of each model."""
    router = APIRouter(prefix="/models/{name}", include_in_schema=False)
    state, pages = site.state, site.pages

    async def details_of(name: str) -> ModelDetails:
        return await asyncio.to_thread(model_details, state, name)

    async def page(request: Request, name: str, form: TryForm | None, status: int = 200, **answer: Any) -> Response:
        details, serving = await details_of(name), state.live_models.servings.get(name)
        return pages.page(
            request,
            "model.html.jinja",
            status,
            details=details,
            live=serving.live if serving else None,
            form=form,
            curl=form.curl(_address(request), needs_key=site.ring.is_needed) if form else "",
            may_score=may(request, "score"),
            may_change=may(request, "admin"),
            metrics=[metric for metric in METRICS if any(metric.key in v.metrics for v in details.versions)],
            history=details.history[: -MOST_EVENTS - 1 : -1],
            done=DONE.get(request.query_params.get("done", ""), ""),
            **{"answer": None, "view": None, "events": [], "problem": "", **answer},
        )

    @router.get("")
    async def page_model(name: str, request: Request) -> Response:
        serving = state.live_models.servings.get(name)
        return await page(request, name, try_form(serving) if serving else None)

    @router.post("")
    async def try_out(name: str, request: Request) -> Response:
        texts = await site.form(request)
        serving = state.live_models.serving(name)
        form = try_form(serving, texts)
        if MORE in texts or LESS in texts:
            return await page(request, name, form)
        body = json.dumps(form.body).encode()

        async def read() -> bytes:
            return body

        try:
            answer = json.loads(await site.asking.operation_of(name, form.operation, read, request.scope))
        except EXPECTED_ERRORS as error:
            errors = _field_errors(error, form)
            if errors is None:
                raise
            return await page(request, name, form.with_errors(errors), status_of(error))
        view = ANSWERS.get(serving.live.domain.name)
        return await page(
            request,
            name,
            form,
            answer=answer,
            view=view(serving.live, answer) if view else None,
            events=await asyncio.to_thread(_events_of_card, site, serving, form.body),
        )

    @router.get("/promote")
    async def ask_promotion(name: str, version: str, request: Request) -> Response:
        return await confirm(request, name, _number(version))

    @router.post("/promote")
    async def confirm_promotion(name: str, request: Request) -> Response:
        form = await site.form(request)
        wanted = checked(form, Promotion, version=_number(form.get("version", "")))
        if not wanted.why.strip():
            return await confirm(request, name, wanted.version, WHY_MISSING)
        await promote(state, name, wanted.version, actor=actor_of(request.scope), why=wanted.why)
        return see_other(f"/models/{name}?done=promoted#versions")

    @router.get("/rollback")
    async def ask_rollback(name: str, request: Request) -> Response:
        return await confirm(request, name, None)

    @router.post("/rollback")
    async def confirm_rollback(name: str, request: Request) -> Response:
        wanted = checked(await site.form(request), Rollback)
        if not wanted.why.strip():
            return await confirm(request, name, None, WHY_MISSING)
        await roll_back(state, name, actor=actor_of(request.scope), why=wanted.why)
        return see_other(f"/models/{name}?done=rolled-back#versions")

    async def confirm(request: Request, name: str, number: int | None, error: str = "") -> Response:
        details = await details_of(name)
        if number is not None and number not in [version.version for version in details.versions]:
            raise HTTPException(404, f"{name!r} has no such version")
        return pages.page(
            request,
            "confirm.html.jinja",
            422 if error else 200,
            details=details,
            number=number,
            error=error,
            may_change=may(request, "admin"),
        )

    return router


def _number(text: str) -> int:
    """The number of a version as it stands in an address or a form; 0, which none has, for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


def _field_errors(error: Exception, form: TryForm) -> list[FieldError] | None:
    """What is wrong with the values of a form; None if something else went wrong."""
    if isinstance(error, InvalidRequestError):
        return list(error.errors)
    if isinstance(error, EventError):
        return [event_field(error, ("row",))]
    return None


def _events_of_card(site: Site, serving: Serving, body: Mapping[str, Any]) -> list[CardEvent]:
    """The last events of the card that was asked about; none where people look at no cards."""
    live = serving.live
    if live.queue is None:
        return []
    with reading(site.engine) as connection:
        return card_events(connection, live.table, live.queue, live.name, card_of(live.table, body["row"]))


def _address(request: Request) -> str:
    """Where this service is reached."""
    return f"{request.url.scheme}://{request.url.netloc}"
