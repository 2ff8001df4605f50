"""ProblemPages: problems as people see them, whoever states them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from service.access.sessions import is_for_people
from service.pages.rendering import Pages, see_other
from service.requests.problem_translation import HeldProblems


class ProblemPages:
    """Turn problems (RFC 9457) into pages where a browser wants one; who has no key is led to the sign-in.

    Stands before everything else, so that a missing scope and an overloaded service are told in the same way.
    """

    def __init__(self, app: ASGIApp, pages: Pages) -> None:
        self.app, self._pages = app, pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http" and is_for_people(scope):
            held = HeldProblems(send, lambda problem: self._page(Request(scope), problem), scope, receive)
            send = held.send
        await self.app(scope, receive, send)

    def _page(self, request: Request, problem: dict[str, Any]) -> Response:
        if problem["status"] == HTTPStatus.UNAUTHORIZED:
            wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            wanted = wanted if request.method in ("GET", "HEAD") else "/"
            return see_other(f"/login?next={quote(wanted)}" if wanted != "/" else "/login")
        return self._pages.short_page(request, "problem.html.jinja", problem["status"], problem=problem)
