"""/models/{name}/inbox: answers that people are asked to label, with the levels as buttons."""

from __future__ import annotations

import asyncio
from functools import partial

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from models.errors import NoInboxError
from models.monitoring.inbox import MAX_IDS, InboxItems, inbox
from service.api.outcomes import OutcomeEntry, OutcomesRequest, store_outcomes
from service.errors import InvalidRequestError
from service.pages.rendering import caller_of, may, see_other
from service.pages.site import Site
from service.pages.trying.forms import checked

MAX_ITEMS = 50


class Label(BaseModel):
    """A submitted label: prediction IDs of equal rows, with commas between them, and the level."""

    ids: str = Field(min_length=1, max_length=MAX_IDS * 100)
    label: str = Field(min_length=1, max_length=1_000)


def inbox_router(site: Site) -> APIRouter:
    """The routes of the inbox and of its labels."""
    router = APIRouter(prefix="/models/{name}", include_in_schema=False)
    state = site.state

    @router.get("/inbox")
    async def page_inbox(name: str, request: Request) -> Response:
        live = state.live_models.served(name).live
        found: InboxItems = await asyncio.to_thread(inbox, site.engine, live, limit=MAX_ITEMS)
        n_done = request.query_params.get("labelled", "")
        return await site.pages.page(
            request,
            "inbox.html.jinja",
            live=live,
            inbox=found,
            n_done=int(n_done) if n_done.isdecimal() and n_done.isascii() and len(n_done) < 6 else None,
            may_label=may(request, "outcomes"),
        )

    @router.post("/inbox")
    async def take_label(name: str, request: Request) -> Response:
        if (live := state.live_models.served(name).live).domain.watch is None:
            raise NoInboxError(name, live.domain.name)
        form = checked(await site.form(request), Label)
        entries = [OutcomeEntry(prediction_id=one, outcome=form.label) for one in form.ids.split(",")[:MAX_IDS]]
        store = partial(store_outcomes, state, site.engine, OutcomesRequest(outcomes=entries), caller_of(request).id)
        taken = await asyncio.to_thread(store)
        if taken.errors:
            raise InvalidRequestError(taken.errors)
        return see_other(f"/models/{name}/inbox?labelled={taken.n_outcomes}")

    return router
