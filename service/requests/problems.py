"""Problems: error responses as `application/problem+json` (RFC 9457), unless a form replaces it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, TypeAlias

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Scope as AsgiScope

from models.errors import EventError
from service.errors import (
    FieldError,
    InvalidRequestError,
    MissingKeyError,
    RateLimitError,
    TemporaryError,
    TooManyTrainingsError,
)
from service.requests.allowed_methods import allowed_methods
from service.requests.field_errors import event_field, parameter_error
from service.requests.statuses import status_of

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2

ProblemForm: TypeAlias = Callable[[AsgiScope, Mapping[str, Any]], Response | None]
"""Renders a problem for requests that need another format than JSON; returns None for all others."""


class Problem(BaseModel):
    """The response to a failed request."""

    type: str = Field(description="Stable name of the kind of problem.", examples=["urn:backscore:invalid-request"])
    title: str = Field(description="The kind of problem in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What went wrong, and what to do about it.")
    request_id: str = Field(description="ID of this request in the service's log.")
    errors: list[FieldError] = Field(default=[], description="The invalid values, if the body could be parsed.")


def problem_response(scope: AsgiScope, error: Exception) -> Response:
    """The response to a failed request, by the first form of `scope["problem_forms"]` that applies, or as JSON.

    Forms change the body and its type, and may change the status; the other headers stay. The messages of internal
    errors (5xx) are not shown.
    """
    problem, headers = _problem(scope.get("request_id", ""), error)
    content = problem.model_dump(mode="json", exclude=None if problem.errors else {"errors"})
    forms: Sequence[ProblemForm] = scope.get("problem_forms", ())
    for form in forms:
        if (response := form(scope, content)) is not None:
            response.headers.update(headers)
            return response
    return JSONResponse(content, problem.status, headers, MEDIA_TYPE)


def _problem(request_id: str, error: Exception) -> tuple[Problem, dict[str, str]]:
    """The problem of an error, and its headers."""
    headers: dict[str, str] = {}
    errors: list[FieldError] = []
    if isinstance(error, HTTPException):  # raised by the framework: unknown path, wrong method
        status, kind, detail = HTTPStatus(error.status_code), None, error.detail
        headers = dict(error.headers or {})
    else:
        status = status_of(error)
        kind, detail = type(error).__name__.removesuffix("Error"), str(error)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(error, TemporaryError):
        kind, detail = (
            None,
            _PUBLIC_DETAILS.get(status, f"internal error; see {request_id} in the service's log"),
        )
    if isinstance(error, InvalidRequestError):
        errors = list(error.errors)
    if isinstance(error, EventError):
        errors = [event_field(error)]
    if isinstance(error, TooManyTrainingsError | RateLimitError):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, RateLimitError):
        headers |= {"RateLimit-Limit": str(error.burst), "RateLimit-Remaining": "0"}
    if isinstance(error, MissingKeyError):
        headers["WWW-Authenticate"] = "Bearer"
    problem = Problem(
        type=f"urn:backscore:{_spaced(kind, '-')}" if kind else "about:blank",
        title=_spaced(kind, " ").capitalize() if kind else status.phrase,
        status=status,
        detail=detail,
        request_id=request_id,
        errors=errors,
    )
    return problem, headers


async def on_error(request: Request, error: Exception) -> Response:
    """Exception handler for expected errors."""
    if isinstance(error, HTTPException) and error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        error.headers = {"Allow": allowed_methods(request) or (error.headers or {}).get("Allow", "")}
    status = status_of(error)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(error, HTTPException):
        is_unforeseen = status == HTTPStatus.INTERNAL_SERVER_ERROR
        request.app.state.log.error(
            "request failed",
            request_id=request.scope["request_id"],
            error=type(error).__name__ if is_unforeseen else str(error),  # else it may quote what was sent
            exc_info=error if is_unforeseen else None,
        )
    return problem_response(request.scope, error)


async def on_bad_parameters(request: Request, error: RequestValidationError) -> Response:
    """Exception handler for invalid path and query parameters."""
    return problem_response(request.scope, parameter_error(error))


_PUBLIC_DETAILS: Mapping[HTTPStatus, str] = {
    HTTPStatus.SERVICE_UNAVAILABLE: ("the database is unavailable and nothing was half-written; retry in a few seconds")
}


def _spaced(kind: str, separator: str) -> str:
    """InvalidRequest -> invalid-request."""
    return re.sub(r"(?<!^)(?=[A-Z])", separator, kind).lower()


def example_problem(error: Exception) -> dict[str, Any]:
    """An example problem for the documentation."""
    example: dict[str, Any] = json.loads(bytes(problem_response({"request_id": "0192f3a8c1d27d3e9b1a"}, error).body))
    return example
