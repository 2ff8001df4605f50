"""Pages: the values that all templates share, and the headers that keep foreign scripts and frames out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from models.answers.default_view import title_of
from models.clock import Clock
from models.registry.bundles import package_versions
from models.reports.pages import template_environment
from service.access.callers import ANYONE, Caller
from service.access.key_store import Scope
from service.access.sessions import Sessions, keep_session
from service.pages import words
from service.pages.static_files import StaticFiles

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # "no-referrer" would also hide that a form came from one of these pages
}


class Pages:
    """Renderer of all pages.

    Parameters
    ----------
    sessions : source of the forms' tokens.
    live_names : models in the header.
    is_key_needed : whether a sign-in is required.
    """

    def __init__(
        self,
        sessions: Sessions,
        static: StaticFiles,
        *,
        live_names: Callable[[], Iterable[str]],
        is_key_needed: Callable[[], bool],
        now: Clock,
    ) -> None:
        self.sessions, self._live_names, self._is_key_needed = sessions, live_names, is_key_needed
        self._environment = template_environment("service.pages")
        self._environment.filters |= {
            "latency": words.latency,
            "moment": words.moment,
            "marked": words.marked,
            "title_of": title_of,
            "age": lambda then: words.age(then, now()),
        }
        self._environment.globals |= {
            "static": static.url,
            "plotly_style_ids": lambda: static.plotly_style_ids,
            "version": package_versions()["backscore"],
        }

    async def page(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        """The page as a response, rendered in a thread: a long one must not hold up scoring."""
        return await asyncio.to_thread(self.short_page, request, template, status, **values)

    def short_page(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        """The page rendered in place, for pages of a few lines."""
        scope = request.scope
        visit, caller = self.sessions.visit(scope), caller_of(request)
        is_key_needed = self._is_key_needed()
        is_signed_in = is_key_needed and bool(caller.id)
        content = self._environment.get_template(template).render(
            path=scope["path"],
            live_names=sorted(self._live_names()) if is_signed_in or not is_key_needed else [],
            csrf_token=visit.token,
            caller=caller,
            is_signed_in=is_signed_in,
            **values,
        )
        response = HTMLResponse(content, status, SECURITY_HEADERS)
        if visit.is_new:
            keep_session(response, scope, visit.session)
        return response


def see_other(path: str) -> Response:
    """A redirect to be followed with GET, after a form or to the sign-in."""
    return RedirectResponse(path, 303, SECURITY_HEADERS)


def caller_of(request: Request) -> Caller:
    """The caller; ANYONE where keys are off."""
    caller: Caller = request.scope.get("key", ANYONE)
    return caller


def may(request: Request, scope: Scope) -> bool:
    """Whether the caller has the scope."""
    return caller_of(request).may(scope)
