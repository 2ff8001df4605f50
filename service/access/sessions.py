"""Sessions: who opens pages, and whether a form that changes something was sent from one of them.

A person signs in with a key, which the browser then keeps in a cookie that scripts cannot read and other sites cannot
send. A browser sends cookies by itself, though, so a request that changes something has to prove that it comes from a
page of ours: it carries a token that only our pages hold, signed for the session and the key of this browser, and where
the browser tells from which site a request comes, it must be this one.
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

from service.errors import ForeignRequestError

KEY_COOKIE, SESSION_COOKIE = "backscore_key", "backscore_session"
TOKEN_HEADER = b"x-csrf-token"
TOKEN_FIELD = "csrf_token"  # noqa: S105 - the name of a field
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
PAGES = re.compile(r"/|/login|/logout|/models(/.*)?|/learn(/.*)?")
READ_IN_A_BROWSER = re.compile(rf"{PAGES.pattern}|/v1/models/[^/]+/versions/\d+/[a-z_]+\.html")
_SESSION = re.compile(r"[A-Za-z0-9_-]{22,64}")


@dataclass(frozen=True)
class Visit:
    """A browser that looks at a page.

    Parameters
    ----------
    session : its name; is_new : whether the browser has to be told it.
    token : what its forms carry.
    """

    session: str
    is_new: bool
    token: str


class Sessions:
    """Cookies and tokens of the people who look at pages.

    Parameters
    ----------
    secret : what tokens are signed with; the same in all workers.
    new_session : names a session, in letters that nobody can guess.
    """

    def __init__(self, secret: bytes, new_session: Callable[[], str] = lambda: secrets.token_urlsafe(24)) -> None:
        self._secret = digest(secret, b"tokens of forms", "sha256")  # whatever else it is used for
        self._new_session = new_session

    def visit(self, scope: AsgiScope) -> Visit:
        """The browser that sends a request; a new one if it does not know its session."""
        known = _session(scope)
        session = known or self._new_session()
        return Visit(session, known is None, self._token(session, _cookies(scope).get(KEY_COOKIE, "")))

    def check(self, scope: AsgiScope, token: str) -> None:
        """ForeignRequestError unless the request was sent from a page of ours, with the token of this browser."""
        session, key = _session(scope), _cookies(scope).get(KEY_COOKIE, "")
        expected = self._token(session or "", key)
        is_right = compare_digest(token.encode(), expected.encode())
        if session is None or not is_right or not _is_sent_from_here(scope):
            raise ForeignRequestError()

    def check_header(self, scope: AsgiScope) -> None:
        """The same for a request that carries the token in the header X-CSRF-Token."""
        self.check(scope, token_in_header(scope))

    def _token(self, session: str, key: str) -> str:
        return digest(self._secret, f"{session}:{sha256(key.encode()).hexdigest()}".encode(), "sha256").hex()


def key_of(scope: AsgiScope) -> bytes | None:
    """The key that a browser keeps; None if it keeps none, empty if what it keeps cannot be one."""
    for name, _ in scope["headers"]:
        if name == b"cookie":
            break
    else:  # as of all programs, which are not to wait for what only people need
        return None
    kept = _cookies(scope).get(KEY_COOKIE)
    if not kept:
        return None
    try:
        return base64.urlsafe_b64decode(kept.encode())
    except (binascii.Error, ValueError):
        return b""


def keep_key(response: Response, scope: AsgiScope, key: str) -> None:
    """Let the browser keep a key until it is closed."""
    _set(response, scope, KEY_COOKIE, base64.urlsafe_b64encode(key.encode()).decode())


def keep_session(response: Response, scope: AsgiScope, session: str) -> None:
    """Let the browser keep the name of its session until it is closed."""
    _set(response, scope, SESSION_COOKIE, session)


def forget(response: Response) -> None:
    """Let the browser forget key and session."""
    for name in (KEY_COOKIE, SESSION_COOKIE):
        response.delete_cookie(name, path="/", httponly=True, samesite="strict")


def own_path(wanted: str) -> str:
    """The path of a page of ours that was asked for, with its query; `/` in place of anything else."""
    if re.search(r"[\\\x00-\x20\x7f]", wanted) or not re.match(r"/(?!/)", wanted):
        return "/"  # browsers read a backslash as a slash, and leave out some controls: both could lead elsewhere
    parts = urlsplit(wanted)
    is_ours = not parts.scheme and not parts.netloc and READ_IN_A_BROWSER.fullmatch(parts.path)
    return wanted if is_ours else "/"


def is_for_people(scope: AsgiScope) -> bool:
    """Whether a browser asks for a page that a person wants to see."""
    if scope["method"] == "POST" and scope["path"].startswith("/v1/"):  # told at once, as it is asked most often
        return False
    return bool(READ_IN_A_BROWSER.fullmatch(scope["path"])) and b"text/html" in _header(scope, b"accept")


def token_in_header(scope: AsgiScope) -> str:
    """The token that a script of ours sends; empty if there is none."""
    return _header(scope, TOKEN_HEADER).decode("latin-1")


def _set(response: Response, scope: AsgiScope, name: str, value: str) -> None:
    # Behind a proxy that speaks TLS for us only its header tells; who forges it harms nobody but themselves
    is_secure = scope["scheme"] == "https" or _header(scope, b"x-forwarded-proto") == b"https"
    response.set_cookie(name, value, path="/", httponly=True, samesite="strict", secure=is_secure)


def _is_sent_from_here(scope: AsgiScope) -> bool:
    """What the browser says about where a request comes from; older ones say less, and nothing else says anything."""
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
    """All headers of that name as one; empty if there is none."""
    return b"; ".join(value for given, value in scope["headers"] if given == name)
