"""KeyGate: hosts, authentication, scopes and rate limits in front of every path."""

from __future__ import annotations

import re

from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from service.access.hosts import Hosts
from service.access.key_ring import KeyRing
from service.access.key_store import Scope
from service.access.sessions import PAGES, SAFE_METHODS, Sessions, key_of
from service.errors import (
    ForeignRequestError,
    InvalidHostError,
    KeysUnreadError,
    MissingKeyError,
    MissingScopeError,
    OverloadedError,
    RateLimitError,
    UnknownHostError,
)
from service.requests.problems import problem_response

OPEN_PATHS = re.compile(
    r"/health/(live|ready)|/v2/health/(live|ready)|/docs(/.*)?|/guide(/.*)?|/openapi\.json|/static/.*|/login|/logout"
)
REFUSALS = (
    ForeignRequestError, KeysUnreadError, MissingKeyError, MissingScopeError, OverloadedError, RateLimitError
)  # fmt: skip
METRICS = "/metrics"
OUTCOMES = re.compile(r"/v1/outcomes|(/v1|/models)/[^/]+/(labels|alerts/.*)|/models/[^/]+/inbox")
ADMINISTERED = re.compile(r"/v1/models(/.*)?")
ASKED = re.compile(r"/v1/[^/]+/[^/]+|/v2/models/[^/]+(/versions/[^/]+)?/infer|/models/[^/]+")


def scope_needed(method: str, path: str) -> Scope:
    """The scope that a request requires; unknown paths need "admin"."""
    if method in ("GET", "HEAD"):
        return "metrics" if path == METRICS else "read"
    if method == "POST" and not ADMINISTERED.fullmatch(path):
        if OUTCOMES.fullmatch(path):
            return "outcomes"
        if ASKED.fullmatch(path):
            return "score"
    return "admin"


class KeyGate:
    """Middleware that requires a known host, and a key for every path but health, guide, documentation and its assets.

    Parameters
    ----------
    hosts : checks for which host a request is.
    ring : authenticates keys.
    sessions : protects requests whose key comes from a cookie against CSRF.
    metrics_open : whether /metrics is open, too.
    """

    def __init__(
        self, app: ASGIApp, hosts: Hosts, ring: KeyRing, sessions: Sessions, *, metrics_open: bool = False
    ) -> None:
        self.app, self._hosts, self._ring, self._sessions = app, hosts, ring, sessions
        self._metrics_open = metrics_open

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            self._hosts.check(scope)
        except (InvalidHostError, UnknownHostError) as error:
            scope["problem_forms"] = ()  # a page would show the names of models to a foreign site
            await problem_response(scope, error)(scope, receive, send)
            return
        # an allow list of open paths, so that an unexpected spelling of a path stays closed
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        try:
            if OPEN_PATHS.fullmatch(path) or (self._metrics_open and path == METRICS):
                scope["exchange"].let_in(has_key=False)
            else:
                self._let_in(scope, path)
        except REFUSALS as error:
            await problem_response(scope, error)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _let_in(self, scope: AsgiScope, path: str) -> None:
        presented = _presented(scope)
        is_change = scope["method"] not in SAFE_METHODS and not PAGES.fullmatch(path)  # forms of pages carry a token
        has_key_in_header = presented is not None  # which no page of another site can send
        if presented is None:
            presented = key_of(scope)
            if presented is not None and is_change:  # browsers attach cookies to cross-site requests, too
                self._sessions.check_header(scope)
        try:
            caller = scope["key"] = self._ring.caller_of(presented)
        except MissingKeyError:
            self._ring.count_wrong(presented, scope.get("client"))
            raise
        if is_change and not has_key_in_header:
            self._sessions.check_site(scope)
        needed = scope_needed(scope["method"], path)
        if not caller.may(needed):
            raise MissingScopeError(needed, caller.scopes)
        scope["exchange"].let_in(has_key=True)
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
