"""What can go wrong between a request and its answer, and the one table from failures to HTTP statuses."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field

from data.errors import DataError, SourceError, TooLargeError
from models.errors import (
    BundleError,
    ChallengerError,
    ConflictingEventError,
    DatabaseError,
    DivergedError,
    EventError,
    ModelError,
    NoChallengerError,
    NoQueueError,
    NoReferenceError,
    NothingToRollBackError,
    UnknownAlertError,
    UnknownPolicyError,
    UnknownVersionError,
    UnreadablePolicyError,
)

MAX_CHARACTERS = 100
"""So much of what came is told back; a hostile request must not get a hostile answer."""


def shortened(text: str) -> str:
    """The text as it may be told back."""
    return text if len(text) <= MAX_CHARACTERS else text[: MAX_CHARACTERS - 3] + "..."


class FieldError(BaseModel):
    """One value of a request that breaks one rule."""

    path: str = Field(description="JSON pointer into the body, rows counted from 0; `?name` is a query parameter.")
    message: str = Field(description="The rule, in words.")
    value: Any = Field(None, description="What came, shortened to 100 characters; null where nothing came.")


class ServiceError(Exception):
    """Base of every error that `service` raises on purpose; its text is written for the user."""


class UnsafeAddressError(ServiceError):
    """The service would be reachable from other machines without asking for a key."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"host {host!r} can be reached from other machines, which needs a key: `backscore keys create` makes one; "
            "or set BACKSCORE_API_KEY, or listen on 127.0.0.1"
        )


class MissingKeyError(ServiceError):
    """The request carries no key, or a wrong one."""

    def __init__(self) -> None:
        super().__init__("this path needs the header `X-API-Key: KEY` or `Authorization: Bearer KEY` with a valid key")


class InvalidHttpError(ServiceError):
    """What came is no request in HTTP/1.1."""

    def __init__(self) -> None:
        super().__init__("what came is no valid HTTP/1.1 request; the connection is closed")


class MissingScopeError(ServiceError):
    """The key is none for what is asked."""

    def __init__(self, needed: str, scopes: Iterable[str]) -> None:
        super().__init__(f"this needs a key with the scope {needed!r}; this one has {', '.join(sorted(scopes))}")


class ForeignRequestError(ServiceError):
    """What would change something does not prove that it was sent from a page of this service."""

    def __init__(self) -> None:
        super().__init__(
            "this did not come from a page of this service, or from one that was open before you signed in or out; "
            "open the page anew and send it once more"
        )


class RateLimitError(ServiceError):
    """The key has been used too often.

    Parameters
    ----------
    most : requests that may come at once. seconds : until the next one may come.
    """

    def __init__(self, most: float, seconds: float) -> None:
        self.most = int(most)
        self.retry_after = max(1, math.ceil(seconds))
        super().__init__(f"this key may ask {most:,.0f} times at once, and again in {seconds:.2g} s")


class TooManyTrainingsError(ServiceError):
    """All training slots of the playground are in use."""

    retry_after = 5

    def __init__(self, most: int) -> None:
        super().__init__(f"all {most} training slots are in use; retry in a moment")


class TrainingTooLongError(ServiceError):
    """A training of the playground takes longer than its limit."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"this training takes longer than {seconds:g} s; take fewer rows, epochs or units, or larger batches"
        )


class BodyTooLargeError(ServiceError):
    """The body has more bytes than the service reads."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the body is larger than the {limit:,} bytes that are accepted here; send less at a time")


class TooManyRowsError(ServiceError):
    """The batch has more rows than are answered at once."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the batch holds more than {limit:,} rows; send them in several requests")


class MediaTypeError(ServiceError):
    """The body is of a type that this path does not read."""

    def __init__(self, given: str, accepted: Iterable[str]) -> None:
        came = repr(shortened(given)) if given else "no Content-Type"
        super().__init__(f"the body must be sent as {' or '.join(accepted)}, got {came}")


class ContentCodingError(ServiceError):
    """The body is compressed; a few bytes could then become very many."""

    def __init__(self, given: str) -> None:
        super().__init__(
            f"the body must be sent as it is, without a Content-Encoding, got {shortened(given)!r}; "
            "parquet files are compressed within"
        )


class InvalidJsonError(ServiceError):
    """The body is not JSON at all."""


class InvalidRequestError(ServiceError):
    """Values of the request break rules of the model's table; the first are in `errors`, of `n_errors` in all."""

    n_shown = 100

    def __init__(self, errors: Sequence[FieldError], n_errors: int | None = None) -> None:
        self.errors = errors[: self.n_shown]
        n_errors = len(errors) if n_errors is None else n_errors
        more = f", the first {self.n_shown} are listed" if n_errors > self.n_shown else ""
        count = "1 value is" if n_errors == 1 else f"{n_errors} values are"
        super().__init__(f"{count} not what this model takes{more}{self._where()}")

    def _where(self) -> str:
        return "; see `errors`"


class InvalidTensorsError(InvalidRequestError):
    """The same for a caller who is told a single sentence."""

    def _where(self) -> str:
        return ": " + "; ".join(
            f"{error.path} {error.message}" + ("" if error.value is None else f", got {error.value!r}")
            for error in self.errors
        )


class BinaryTensorsError(ServiceError):
    """Tensors come in a form that is not read."""

    def __init__(self) -> None:
        super().__init__(
            "binary tensors and shared memory are not supported here; send the values as JSON, in `data` of each input "
            "(`set_data_from_numpy(..., binary_data=False)` in Triton's client)"
        )


class UnknownModelError(ServiceError):
    """No version of that name is live."""

    def __init__(self, name: str, live: Iterable[str]) -> None:
        known = ", ".join(sorted(live)) or "none; run `backscore train DOMAIN` first"
        super().__init__(f"there is no live model {shortened(name)!r}; live: {known}")


class NotLiveError(ServiceError):
    """The version that is asked for does not answer."""

    def __init__(self, name: str, version: str, live: int) -> None:
        super().__init__(
            f"version {shortened(version)!r} of {name!r} does not answer; version {live} does, and only it can be "
            "asked for"
        )


class UnknownOperationError(ServiceError):
    """The model's domain has no such operation."""

    def __init__(self, name: str, operation: str, known: Iterable[str]) -> None:
        super().__init__(f"model {name!r} cannot {shortened(operation)!r}; it can {', '.join(known)}")


class TemporaryError(ServiceError):
    """The service cannot answer now, and the caller may know why."""


class BusyError(TemporaryError):
    """More events come than can be stored."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"{problem}; send the same request again, an event counts once however often it is sent")


class KeysUnreadError(TemporaryError):
    """The keys could not be read since this process began, so nobody can tell who may ask."""

    def __init__(self) -> None:
        super().__init__("it is not known yet who may ask; send the same request again in a few seconds")


class OverloadedError(TemporaryError):
    """More comes at once than this process takes on."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"{problem}; nothing was done, send the same request again in a moment")


class TimeLimitError(TemporaryError):
    """The answer took too long."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"there was no answer within {seconds:g} s; what was asked for may still be done later")


class SlowBodyError(ServiceError):
    """The body came too slowly."""

    def __init__(self, seconds: float, slowest: int) -> None:
        super().__init__(f"the body must come within {seconds:g} s, and a second more for every {slowest:,} bytes")


class SlowHeadersError(ServiceError):
    """The headers came too slowly."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the headers of a request must come within {seconds:g} s")


class HeadersTooLargeError(ServiceError):
    """The headers have more bytes than the service reads."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"address and headers together are larger than the {limit:,} bytes that are accepted")


# The only place where failures meet HTTP. The most special class of an error decides.
STATUS_OF: Mapping[type[Exception], HTTPStatus] = {
    MissingKeyError: HTTPStatus.UNAUTHORIZED,
    InvalidHttpError: HTTPStatus.BAD_REQUEST,
    MissingScopeError: HTTPStatus.FORBIDDEN,
    ForeignRequestError: HTTPStatus.FORBIDDEN,
    RateLimitError: HTTPStatus.TOO_MANY_REQUESTS,
    TooManyTrainingsError: HTTPStatus.TOO_MANY_REQUESTS,
    TrainingTooLongError: HTTPStatus.UNPROCESSABLE_ENTITY,
    DivergedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    BodyTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    TooManyRowsError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    MediaTypeError: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    BinaryTensorsError: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    ContentCodingError: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    InvalidJsonError: HTTPStatus.BAD_REQUEST,
    InvalidRequestError: HTTPStatus.UNPROCESSABLE_ENTITY,
    UnknownModelError: HTTPStatus.NOT_FOUND,
    NotLiveError: HTTPStatus.NOT_FOUND,
    UnknownOperationError: HTTPStatus.NOT_FOUND,
    SourceError: HTTPStatus.UNPROCESSABLE_ENTITY,
    TooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnknownVersionError: HTTPStatus.NOT_FOUND,
    NothingToRollBackError: HTTPStatus.CONFLICT,
    ChallengerError: HTTPStatus.CONFLICT,
    NoChallengerError: HTTPStatus.NOT_FOUND,
    UnknownPolicyError: HTTPStatus.NOT_FOUND,
    NoQueueError: HTTPStatus.NOT_FOUND,
    UnknownAlertError: HTTPStatus.NOT_FOUND,
    BundleError: HTTPStatus.CONFLICT,
    NoReferenceError: HTTPStatus.CONFLICT,
    UnreadablePolicyError: HTTPStatus.CONFLICT,
    ConflictingEventError: HTTPStatus.CONFLICT,
    EventError: HTTPStatus.UNPROCESSABLE_ENTITY,
    SlowBodyError: HTTPStatus.REQUEST_TIMEOUT,
    SlowHeadersError: HTTPStatus.REQUEST_TIMEOUT,
    HeadersTooLargeError: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    TimeLimitError: HTTPStatus.GATEWAY_TIMEOUT,
    TemporaryError: HTTPStatus.SERVICE_UNAVAILABLE,
    DatabaseError: HTTPStatus.SERVICE_UNAVAILABLE,
    # everything else is ours to explain to ourselves, not to the caller
    ServiceError: HTTPStatus.INTERNAL_SERVER_ERROR,
    DataError: HTTPStatus.INTERNAL_SERVER_ERROR,
    ModelError: HTTPStatus.INTERNAL_SERVER_ERROR,
}


EXPECTED_ERRORS = (ServiceError, DataError, ModelError)
"""What an endpoint may raise on purpose; `service.requests.problems.on_error` turns it into an answer."""


def status_of(error: Exception) -> HTTPStatus:
    """The HTTP status of a failure; 500 for one that nobody foresaw."""
    for kind in type(error).__mro__:
        if kind in STATUS_OF:
            return STATUS_OF[kind]
    return HTTPStatus.INTERNAL_SERVER_ERROR
