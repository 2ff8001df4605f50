"""Statuses: the only table from errors to HTTP statuses. The most specific class of an error decides."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

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
    NoInboxError,
    NoQueueError,
    NoReferenceError,
    NothingToRollBackError,
    RequestChangeError,
    RollbackOverError,
    SuspectedLeakError,
    UnknownAlertError,
    UnknownPolicyError,
    UnknownVersionError,
    UnloadableVersionError,
    UnreadablePolicyError,
)
from service.errors import (
    BinaryTensorsError,
    BodyTooLargeError,
    ContentCodingError,
    ForeignRequestError,
    HeadersTooLargeError,
    InvalidHostError,
    InvalidHttpError,
    InvalidJsonError,
    InvalidRequestError,
    MediaTypeError,
    MissingKeyError,
    MissingMediaTypeError,
    MissingScopeError,
    NotLiveError,
    RateLimitError,
    ServiceError,
    SlowBodyError,
    SlowHeadersError,
    TemporaryError,
    TimeLimitError,
    TooManyRowsError,
    TooManyTrainingsError,
    TrainingTooLongError,
    UnknownHostError,
    UnknownModelError,
    UnknownOperationError,
)

STATUS_OF: Mapping[type[Exception], HTTPStatus] = {
    MissingKeyError: HTTPStatus.UNAUTHORIZED,
    InvalidHttpError: HTTPStatus.BAD_REQUEST,
    InvalidHostError: HTTPStatus.BAD_REQUEST,
    UnknownHostError: HTTPStatus.MISDIRECTED_REQUEST,
    MissingScopeError: HTTPStatus.FORBIDDEN,
    ForeignRequestError: HTTPStatus.FORBIDDEN,
    RateLimitError: HTTPStatus.TOO_MANY_REQUESTS,
    TooManyTrainingsError: HTTPStatus.TOO_MANY_REQUESTS,
    TrainingTooLongError: HTTPStatus.UNPROCESSABLE_ENTITY,
    DivergedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    BodyTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    TooManyRowsError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    MediaTypeError: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    MissingMediaTypeError: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
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
    RollbackOverError: HTTPStatus.CONFLICT,
    UnloadableVersionError: HTTPStatus.CONFLICT,
    ChallengerError: HTTPStatus.CONFLICT,
    SuspectedLeakError: HTTPStatus.CONFLICT,
    RequestChangeError: HTTPStatus.CONFLICT,
    NoChallengerError: HTTPStatus.NOT_FOUND,
    UnknownPolicyError: HTTPStatus.NOT_FOUND,
    NoQueueError: HTTPStatus.NOT_FOUND,
    NoInboxError: HTTPStatus.NOT_FOUND,
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
    # all other errors are internal: their messages go to the log, not to the caller
    ServiceError: HTTPStatus.INTERNAL_SERVER_ERROR,
    DataError: HTTPStatus.INTERNAL_SERVER_ERROR,
    ModelError: HTTPStatus.INTERNAL_SERVER_ERROR,
}


EXPECTED_ERRORS = (ServiceError, DataError, ModelError)
"""Errors that endpoints raise on purpose; `service.requests.problems.on_error` answers them."""


def status_of(error: Exception) -> HTTPStatus:
    """The HTTP status of an error; 500 for an unexpected one."""
    for kind in type(error).__mro__:
        if kind in STATUS_OF:
            return STATUS_OF[kind]
    return HTTPStatus.INTERNAL_SERVER_ERROR
