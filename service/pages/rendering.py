"""Pages: templates with what all of them share, and the headers that keep foreign scripts and frames out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

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
    "Referrer-Policy": "same-origin",  # none at all would also hide from us that a form came from our page
    "Cache-Control": "no-store",
}


class Pages:
    """Renders pages.

    Parameters
    ----------
    sessions : make the tokens of the forms.
    live_names : of the models that the header leads to.
    is_key_needed : whether people have to sign in.
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
            "age": lambda then: words.age(then, now()),
        }
        self._environment.globals |= {
            "static": static.url,
            "plotly_style_ids": lambda: static.plotly_style_ids,
            "version": package_versions()["backscore"],
        }

    async def page(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        """A page for the browser that sent this request, made in a thread: a long one must not hold up scoring."""
        return await asyncio.to_thread(self.short_page, request, template, status, **values)

    def short_page(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        """The same at once, for pages of a few lines."""
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
    """Lead on to another page after a form was sent, or in place of one that cannot be shown yet."""
    return RedirectResponse(path, 303, SECURITY_HEADERS)


def caller_of(request: Request) -> Caller:
    """Who asks; anyone where nobody was asked for a key."""
    caller: Caller = request.scope.get("key", ANYONE)
    return caller


def may(request: Request, scope: Scope) -> bool:
    """Whether the one who asks may do what needs this scope."""
    scopes = caller_of(request).scopes
    return scope in scopes or "admin" in scopes
