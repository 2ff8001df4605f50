"""Sessions: sign-in of people in a browser, and protection against cross-site request forgery (CSRF).

A person signs in with a key, which the browser keeps in an HttpOnly, SameSite=Strict cookie. Since browsers attach
cookies by themselves, a request that changes something must also carry a token that only our pages contain, signed for
this session and key; and its Sec-Fetch-Site or Origin header, if any, must name this site.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest, digest
from urllib.parse import urlsplit

from starlette.requests import cookie_parser
from starlette.responses import Response
from starlette.types import Scope as AsgiScope

from service.errors import ForeignRequestError, ForeignSiteError

KEY_COOKIE, SESSION_COOKIE = "backscore_key", "backscore_session"
TOKEN_HEADER = b"x-csrf-token"
TOKEN_FIELD = "csrf_token"  # noqa: S105 - the name of a field
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
PAGES = re.compile(r"/|/login|/logout|/models(/.*)?|/learn(/.*)?")
READ_IN_A_BROWSER = re.compile(rf"{PAGES.pattern}|/v1/models/[^/]+/versions/\d+/[a-z_]+\.html")
_SESSION = re.compile(r"[A-Za-z0-9_-]{22,64}")


@dataclass(frozen=True)
class Visit:
    """A browser's view of a page.

    Parameters
    ----------
    session : ID of its session; is_new : whether the cookie must be set.
    token : the CSRF token of its forms.
    """

    session: str
    is_new: bool
    token: str


class Sessions:
    """Session cookies and CSRF tokens of browsers.

    Parameters
    ----------
    secret : signing key of tokens; must be equal in all workers.
    new_session : makes unguessable session IDs.
    """

    def __init__(self, secret: bytes, new_session: Callable[[], str] = lambda: secrets.token_urlsafe(24)) -> None:
        self._secret = digest(secret, b"tokens of forms", "sha256")  # a key of its own, since the secret has other uses
        self._new_session = new_session

    def visit(self, scope: AsgiScope) -> Visit:
        """The visit of the browser that sends a request, in a new session if it has none."""
        known = _session(scope)
        session = known or self._new_session()
        return Visit(session, known is None, self._token(session, _cookies(scope).get(KEY_COOKIE, "")))

    def check(self, scope: AsgiScope, token: str) -> None:
        """ForeignRequestError unless the request comes from a page of this service, with this browser's token."""
        session, key = _session(scope), _cookies(scope).get(KEY_COOKIE, "")
        expected = self._token(session or "", key)
        is_right = compare_digest(token.encode(), expected.encode())
        if session is None or not is_right or not _is_sent_from_here(scope):
            raise ForeignRequestError()

    def check_header(self, scope: AsgiScope) -> None:
        """ForeignRequestError as `check`, with the token in the header X-CSRF-Token."""
        self.check(scope, token_in_header(scope))

    @staticmethod
    def check_site(scope: AsgiScope) -> None:
        """ForeignSiteError if a browser says that the request comes from a page of another site."""
        if not _is_sent_from_here(scope):
            raise ForeignSiteError()

    def _token(self, session: str, key: str) -> str:
        return digest(self._secret, f"{session}:{sha256(key.encode()).hexdigest()}".encode(), "sha256").hex()


def key_of(scope: AsgiScope) -> bytes | None:
    """The key in the browser's cookie; None if there is none, empty if it is malformed."""
    for name, _ in scope["headers"]:
        if name == b"cookie":
            break
    else:  # API clients send no cookies, and should not pay for parsing them
        return None
    kept = _cookies(scope).get(KEY_COOKIE)
    if not kept:
        return None
    try:
        return base64.urlsafe_b64decode(kept.encode())
    except (binascii.Error, ValueError):
        return b""


def keep_key(response: Response, scope: AsgiScope, key: str) -> None:
    """Store a key in a session cookie."""
    _set(response, scope, KEY_COOKIE, base64.urlsafe_b64encode(key.encode()).decode())


def keep_session(response: Response, scope: AsgiScope, session: str) -> None:
    """Store the session ID in a session cookie."""
    _set(response, scope, SESSION_COOKIE, session)


def forget(response: Response) -> None:
    """Delete the cookies of key and session."""
    for name in (KEY_COOKIE, SESSION_COOKIE):
        response.delete_cookie(name, path="/", httponly=True, samesite="strict")


def own_path(path: str) -> str:
    """The requested path with its query if it is a page of this service, else `/`: no open redirects."""
    if re.search(r"[\\\x00-\x20\x7f]", path) or not re.match(r"/(?!/)", path):
        return "/"  # browsers read a backslash as a slash and drop some control characters: both could leave the site
    parts = urlsplit(path)
    is_ours = not parts.scheme and not parts.netloc and READ_IN_A_BROWSER.fullmatch(parts.path)
    return path if is_ours else "/"


def is_for_people(scope: AsgiScope) -> bool:
    """Whether a request is a browser's, for a page."""
    if scope["method"] == "POST" and scope["path"].startswith("/v1/"):  # fast path for the most frequent requests
        return False
    return bool(READ_IN_A_BROWSER.fullmatch(scope["path"])) and b"text/html" in _header(scope, b"accept")


def token_in_header(scope: AsgiScope) -> str:
    """The token in the header X-CSRF-Token; empty if there is none."""
    return _header(scope, TOKEN_HEADER).decode("latin-1")


def _set(response: Response, scope: AsgiScope, name: str, value: str) -> None:
    # behind a TLS-terminating proxy only its header shows HTTPS; a client that forges it harms only itself
    is_secure = scope["scheme"] == "https" or _header(scope, b"x-forwarded-proto") == b"https"
    response.set_cookie(name, value, path="/", httponly=True, samesite="strict", secure=is_secure)


def _is_sent_from_here(scope: AsgiScope) -> bool:
    """Whether Sec-Fetch-Site or, in older browsers, Origin names this site; true if neither header is sent."""
    if site := _header(scope, b"sec-fetch-site"):
        return site in (b"same-origin", b"none")
    if origin := _header(scope, b"origin"):
        return urlsplit(origin.decode("latin-1")).netloc.encode() == _header(scope, b"host")
    return True


def _session(scope: AsgiScope) -> str | None:
    kept = _cookies(scope).get(SESSION_COOKIE, "")
    return kept if _SESSION.fullmatch(kept) else None


def _cookies(scope: AsgiScope) -> dict[str, str]:
    return cookie_parser(_header(scope, b"cookie").decode("latin-1"))


def _header(scope: AsgiScope, name: bytes) -> bytes:
    """All headers of that name, joined; empty if there is none."""
    return b"; ".join(value for given, value in scope["headers"] if given == name)
