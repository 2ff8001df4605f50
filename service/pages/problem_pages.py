"""Problems as pages, for people who read them in a browser."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope as AsgiScope

from service.access.sessions import is_for_people
from service.pages.rendering import Pages, see_other


def problem_page(pages: Pages, scope: AsgiScope, problem: Mapping[str, Any]) -> Response | None:
    """The problem as a page where a browser wants one, or the way to the sign-in for want of a key; else None."""
    if not is_for_people(scope):
        return None
    request = Request(scope)
    if problem["status"] == HTTPStatus.UNAUTHORIZED:
        wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        wanted = wanted if request.method in ("GET", "HEAD") else "/"
        return see_other(f"/login?next={quote(wanted)}" if wanted != "/" else "/login")
    return pages.short_page(request, "problem.html.jinja", problem["status"], problem=problem)
