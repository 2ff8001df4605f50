"""Errors of the service; `service.requests.statuses` maps them to HTTP statuses."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel, Field

MAX_CHARACTERS = 100
"""Maximum length of echoed input, so that a huge value does not cause a huge response."""


def shortened(text: str) -> str:
    """The text, short enough to echo."""
    return text if len(text) <= MAX_CHARACTERS else text[: MAX_CHARACTERS - 3] + "..."


class FieldError(BaseModel):
    """An invalid value of a request."""

    path: str = Field(description="JSON pointer into the body, rows counted from 0; or `?name` of a query parameter.")
    message: str = Field(description="The rule that it breaks.")
    value: Any = Field(None, description="The value as sent, cut to 100 characters; null if none was sent.")


class ServiceError(Exception):
    """Base class of the errors of `service`; their messages are written for users."""


class UnsafeAddressError(ServiceError):
    """The service would be reachable from other machines without a key."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"host {host!r} is reachable from other machines, which requires a key: create one with "
            "`backscore keys create`, set BACKSCORE_API_KEY, or listen on 127.0.0.1"
        )


class MissingKeyError(ServiceError):
    """The request carries no key, or an invalid one."""

    def __init__(self) -> None:
        super().__init__(
            "a valid key is required, in the header `X-API-Key: KEY` or `Authorization: Bearer KEY`; "
            "see /guide/security"
        )


class InvalidHttpError(ServiceError):
    """The bytes received are not a valid HTTP/1.1 request."""

    def __init__(self) -> None:
        super().__init__("not a valid HTTP/1.1 request; the connection is closed")


class InvalidHostError(ServiceError):
    """The request names no host, or several."""

    def __init__(self, hosts: Sequence[str]) -> None:
        came = ", ".join(repr(shortened(host)) for host in hosts[:3]) or "none"
        super().__init__(
            f"a request must have one header Host with a name or an address, such as `Host: 127.0.0.1:8000`; got {came}"
        )


class UnknownHostError(ServiceError):
    """The request is for a host for which the service does not answer."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"the service does not answer for the host {shortened(name)!r}; call it as 127.0.0.1 or localhost, or set "
            "BACKSCORE_ALLOWED_HOSTS to the comma-separated names under which it is called; see /guide/security"
        )


class MissingScopeError(ServiceError):
    """The key lacks the scope that the request needs."""

    def __init__(self, needed: str, scopes: Iterable[str]) -> None:
        super().__init__(
            f"the key lacks the scope {needed!r}; its scopes: {', '.join(sorted(scopes))}; see /guide/security"
        )


class ForeignRequestError(ServiceError):
    """The CSRF token is missing or invalid, or the request comes from another site."""

    def __init__(self) -> None:
        super().__init__(
            "the request was not sent from a page of this service, or the page was opened before you signed in or out; "
            "reload the page and try again"
        )


class ForeignSiteError(ForeignRequestError):
    """The request comes from a page of another site, and has no key in a header."""

    def __init__(self) -> None:
        ServiceError.__init__(
            self,
            "the request comes from a page of another site (headers Sec-Fetch-Site, Origin), which can change nothing "
            "here; send it from a program, or with a key in X-API-Key; see /guide/security",
        )


class WeakKeyError(ServiceError):
    """The key of the environment can be guessed, and other machines can reach the service."""

    def __init__(self, host: str, rule: str) -> None:
        super().__init__(
            f"BACKSCORE_API_KEY is too weak for host {host!r}, which is reachable from other machines: it must have "
            f"{rule}; make one with `openssl rand -hex 32`, or use `backscore keys create`"
        )


class RateLimitError(ServiceError):
    """The key has exceeded its rate limit.

    Parameters
    ----------
    burst : requests in a burst. seconds : until the next request is allowed.
    """

    def __init__(self, burst: float, seconds: float) -> None:
        self.burst = int(burst)
        self.retry_after = max(1, math.ceil(seconds))
        super().__init__(f"rate limit exceeded (burst {burst:,.0f}); retry after {seconds:.2g} s")


class TooManyTrainingsError(ServiceError):
    """All training slots of the playground are in use."""

    retry_after = 5

    def __init__(self, n_slots: int) -> None:
        super().__init__(f"all {n_slots} training slots are in use; retry in a moment")


class TrainingTooLongError(ServiceError):
    """A training of the playground takes longer than its limit."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"this training takes longer than {seconds:g} s; use fewer rows, epochs or units, or larger batches"
        )


class BodyTooLargeError(ServiceError):
    """The body is too large."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the body exceeds {limit:,} bytes; send less at a time")


class TooManyRowsError(ServiceError):
    """The batch has too many rows."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the batch has more than {limit:,} rows; split it into several requests")


class MediaTypeError(ServiceError):
    """The media type of the body is not supported here."""

    def __init__(self, given: str, accepted: Iterable[str]) -> None:
        came = repr(shortened(given)) if given else "no Content-Type"
        super().__init__(f"unsupported media type: got {came}, expected {' or '.join(accepted)}")


class MissingMediaTypeError(ServiceError):
    """An inference request without a Content-Type."""

    def __init__(self) -> None:
        super().__init__(
            "unsupported media type: got no Content-Type, expected application/json; send `Content-Type: "
            'application/json` (`infer(..., headers={"Content-Type": "application/json"})` in Triton\'s client)'
        )


class ContentCodingError(ServiceError):
    """The body is compressed, which is refused since a small body could expand without bound."""

    def __init__(self, given: str) -> None:
        super().__init__(
            f"unsupported Content-Encoding {shortened(given)!r}; send the body uncompressed (parquet files may be "
            "compressed inside)"
        )


class InvalidJsonError(ServiceError):
    """The body is not valid JSON."""


class InvalidRequestError(ServiceError):
    """Values of the request are invalid; the first of `n_errors` are in `errors`."""

    n_shown = 100

    def __init__(self, errors: Sequence[FieldError], n_errors: int | None = None) -> None:
        self.errors = errors[: self.n_shown]
        n_errors = len(errors) if n_errors is None else n_errors
        more = f"; the first {self.n_shown} are listed" if n_errors > self.n_shown else ""
        count = "1 value is" if n_errors == 1 else f"{n_errors} values are"
        super().__init__(f"{count} invalid{more}{self._where()}")

    def _where(self) -> str:
        return "; see `errors`"


class InvalidTensorsError(InvalidRequestError):
    """Invalid values, all named in the message, since the inference protocol has no list of errors."""

    def _where(self) -> str:
        return ": " + "; ".join(
            f"{error.path} {error.message}".lstrip() + ("" if error.value is None else f", got {error.value!r}")
            for error in self.errors
        )


class BinaryTensorsError(ServiceError):
    """Tensors are binary or in shared memory, which is not supported."""

    def __init__(self) -> None:
        super().__init__(
            "binary tensors and shared memory are not supported; send the values as JSON, in `data` of each input "
            "(`set_data_from_numpy(..., binary_data=False)` in Triton's client)"
        )


class UnknownModelError(ServiceError):
    """No model of that name is live; `why` its champion cannot answer, if it has one."""

    def __init__(self, name: str, live: Iterable[str], why: str = "") -> None:
        known = ", ".join(sorted(live)) or "none; run `backscore train DOMAIN` first"
        reason = f" (its champion cannot answer: {why})" if why else ""
        super().__init__(f"no live model {shortened(name)!r}{reason}; live: {known}")


class NotLiveError(ServiceError):
    """The requested version is not live."""

    def __init__(self, name: str, version: str, live: int) -> None:
        super().__init__(f"version {shortened(version)!r} of {name!r} is not live; the live version is {live}")


class UnknownOperationError(ServiceError):
    """The model's domain has no such operation."""

    def __init__(self, name: str, operation: str, known: Iterable[str]) -> None:
        super().__init__(f"model {name!r} has no operation {shortened(operation)!r}; available: {', '.join(known)}")


class TemporaryError(ServiceError):
    """The service cannot answer now; the message is shown to callers, unlike that of other 5xx errors."""


class BusyError(TemporaryError):
    """Predictions arrive faster than they can be stored."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"{problem}; retry: an event counts once, however often it is sent")


class KeysUnreadError(TemporaryError):
    """The keys have not been read since this process started."""

    def __init__(self) -> None:
        super().__init__("the keys are not loaded yet; retry in a few seconds")


class OverloadedError(TemporaryError):
    """The process is at its limit."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"{problem}; nothing was done, retry in a moment")


class TimeLimitError(TemporaryError):
    """The request timed out."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the request timed out after {seconds:g} s; it may still take effect")


class SlowBodyError(ServiceError):
    """The body arrived too slowly."""

    def __init__(self, seconds: float, slowest: int) -> None:
        super().__init__(f"the body must arrive within {seconds:g} s plus a second for every {slowest:,} bytes")


class SlowHeadersError(ServiceError):
    """The headers arrived too slowly."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the headers must arrive within {seconds:g} s")


class HeadersTooLargeError(ServiceError):
    """The headers are too large."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"request line and headers exceed {limit:,} bytes")
