"""/models/{name}/promote and /rollback: change the live version, with a confirmation and a reason."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from models.errors import RequestChangeError
from models.monitoring.promotion.changes import Allowed
from service.access.callers import actor_of
from service.api.model_changes import promote, roll_back
from service.api.model_views import model_details
from service.api.models import Promotion, Rollback
from service.pages.rendering import may, see_other
from service.pages.site import Site
from service.pages.trying.forms import checked

WHY_MISSING = "Enter a reason for the history."


def change_router(site: Site) -> APIRouter:
    """The routes of both confirmations and changes."""
    router = APIRouter(prefix="/models/{name}", include_in_schema=False)
    state = site.state

    @router.get("/promote")
    async def ask_promotion(name: str, version: str, request: Request) -> Response:
        return await confirm(request, name, _number(version))

    @router.post("/promote")
    async def confirm_promotion(name: str, request: Request) -> Response:
        form = await site.form(request)
        ticked = "allow_request_change" in form
        change = checked(form, Promotion, version=_number(form.get("version", "")), allow_request_change=ticked)
        if not change.why.strip():
            return await confirm(request, name, change.version, WHY_MISSING)
        allowed = Allowed(request_change=ticked)
        try:
            await promote(state, name, change.version, actor=actor_of(request.scope), why=change.why, allowed=allowed)
        except RequestChangeError as problem:
            return await confirm(request, name, change.version, changes=problem.changes, why=change.why)
        return see_other(f"/models/{name}?done=promoted#versions")

    @router.get("/rollback")
    async def ask_rollback(name: str, request: Request) -> Response:
        return await confirm(request, name, None)

    @router.post("/rollback")
    async def confirm_rollback(name: str, request: Request) -> Response:
        change = checked(await site.form(request), Rollback)
        if not change.why.strip():
            return await confirm(request, name, None, WHY_MISSING)
        await roll_back(state, name, actor=actor_of(request.scope), why=change.why)
        return see_other(f"/models/{name}?done=rolled-back#versions")

    async def confirm(
        request: Request, name: str, number: int | None, error: str = "", *, changes: Sequence[str] = (), why: str = ""
    ) -> Response:
        """The page of a confirmation, again with an error, or with the fields for which callers would be refused."""
        details = await asyncio.to_thread(model_details, state, name)
        if number is not None and number not in [version.version for version in details.versions]:
            raise HTTPException(404, f"{name!r} has no such version")
        return await site.pages.page(
            request,
            "confirm.html.jinja",
            422 if error else 409 if changes else 200,
            details=details,
            number=number,
            error=error,
            changes=changes,
            why=why,
            may_change=may(request, "admin"),
        )

    return router


def _number(text: str) -> int:
    """A version number from a query or a form; 0, which no version has, for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
