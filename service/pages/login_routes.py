"""/login and /logout: browser sessions where keys are required."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.access.sessions import forget, keep_key, own_path
from service.errors import MissingKeyError
from service.pages.rendering import see_other
from service.pages.site import Site

WRONG_KEY = "unknown, expired or revoked key"


def login_router(site: Site) -> APIRouter:
    """The routes of both."""
    router = APIRouter(include_in_schema=False)

    def form(request: Request, following: str, error: str = "") -> Response:
        status = 401 if error else 200
        return site.pages.short_page(request, "login.html.jinja", status, following=following, error=error)

    @router.get("/login")
    async def page_login(request: Request) -> Response:
        following = own_path(request.query_params.get("next", "/"))
        return form(request, following) if site.ring.is_needed else see_other(following)

    @router.post("/login")
    async def sign_in(request: Request) -> Response:
        given = await site.short_form(request)
        following, key = own_path(given.get("next", "/")), given.get("key", "").strip()
        try:
            site.ring.caller_of(key.encode())
        except MissingKeyError:
            site.ring.count_wrong(key.encode(), request.scope.get("client"))
            return form(request, following, WRONG_KEY)
        response = see_other(following)
        keep_key(response, request.scope, key)
        return response

    @router.post("/logout")
    async def sign_out(request: Request) -> Response:
        await site.short_form(request)
        response = see_other("/login")
        forget(response)
        return response

    return router
