"""KeyGate: authentication, scopes and rate limits in front of every path."""

from __future__ import annotations

import re

from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from service.access.key_ring import KeyRing
from service.access.key_store import Scope
from service.access.sessions import PAGES, SAFE_METHODS, Sessions, key_of
from service.errors import ForeignRequestError, KeysUnreadError, MissingKeyError, MissingScopeError, RateLimitError
from service.requests.problems import problem_response

OPEN_PATHS = re.compile(
    r"/health/(live|ready)|/v2/health/(live|ready)|/docs(/.*)?|/guide(/.*)?|/openapi\.json|/static/.*|/login|/logout"
)
METRICS = "/metrics"
OUTCOMES = re.compile(r"/v1/outcomes|(/v1|/models)/[^/]+/(labels|alerts/.*)")
ADMINISTERED = re.compile(r"/v1/models(/.*)?")
ASKED = re.compile(r"/v1/[^/]+/[^/]+|/v2/models/[^/]+(/versions/[^/]+)?/infer|/models/[^/]+")


def scope_needed(method: str, path: str) -> Scope | None:
    """The scope that a request requires; None if any key will do.

    Reads need no scope; unknown paths need "admin".
    """
    if method in ("GET", "HEAD"):
        return None
    if method == "POST" and not ADMINISTERED.fullmatch(path):
        if OUTCOMES.fullmatch(path):
            return "outcomes"
        if ASKED.fullmatch(path):
            return "score"
    return "admin"


class KeyGate:
    """Middleware that requires a key for every path but health, guide, documentation and its assets.

    Parameters
    ----------
    ring : authenticates keys.
    sessions : protects requests whose key comes from a cookie against CSRF.
    metrics_open : whether /metrics is open, too.
    """

    def __init__(self, app: ASGIApp, ring: KeyRing, sessions: Sessions, *, metrics_open: bool = False) -> None:
        self.app, self._ring, self._sessions, self._metrics_open = app, ring, sessions, metrics_open

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        # an allow list of open paths, so that an unexpected spelling of a path stays closed
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if not (OPEN_PATHS.fullmatch(path) or (self._metrics_open and path == METRICS)):
            try:
                self._let_in(scope, path)
            except (ForeignRequestError, KeysUnreadError, MissingKeyError, MissingScopeError, RateLimitError) as error:
                await problem_response(scope, error)(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _let_in(self, scope: AsgiScope, path: str) -> None:
        presented = _presented(scope)
        if presented is None:
            presented = key_of(scope)
            # browsers attach cookies to cross-site requests, too; the forms of pages carry a token that they check
            if presented is not None and scope["method"] not in SAFE_METHODS and not PAGES.fullmatch(path):
                self._sessions.check_header(scope)
        caller = scope["key"] = self._ring.caller_of(presented)
        needed = scope_needed(scope["method"], path)
        if needed is not None and needed not in caller.scopes and "admin" not in caller.scopes:
            raise MissingScopeError(needed, caller.scopes)
        bucket = self._ring.take(caller)
        if bucket is not None:
            scope["exchange"].headers += [
                (b"ratelimit-limit", b"%d" % bucket.capacity),
                (b"ratelimit-remaining", b"%d" % bucket.tokens),
            ]


def _presented(scope: AsgiScope) -> bytes | None:
    """The key in the headers of a request."""
    for name, value in scope["headers"]:
        if name == b"x-api-key":
            return bytes(value)
        if name == b"authorization":
            scheme, _, token = value.partition(b" ")
            return bytes(token.strip()) if scheme.lower() == b"bearer" else b""
    return None
