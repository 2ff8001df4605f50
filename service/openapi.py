"""The OpenAPI document: FastAPI's own for the fixed endpoints, plus the endpoints of the live models."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from data.rows import row_title
from models.errors import ConflictingEventError
from service.access.key_gate import OPEN_PATHS, scope_needed
from service.access.key_ring import KeyRing
from service.errors import (
    FieldError,
    InvalidRequestError,
    MissingKeyError,
    MissingScopeError,
    OverloadedError,
    RateLimitError,
    SlowBodyError,
    TimeLimitError,
    UnknownModelError,
)
from service.inference_protocol.documentation import inference_path
from service.inference_protocol.error_bodies import PATHS as PROTOCOL_PATHS
from service.inference_protocol.messages import ProtocolError
from service.live.live_models import LiveModels
from service.live.served_model import LABELS, ServedModel
from service.middleware.admission import ALWAYS_LET_IN, MIN_BYTES_PER_SECOND
from service.requests.bodies import CSV, JSON, PARQUET
from service.requests.problems import MEDIA_TYPE as PROBLEM_TYPE
from service.requests.problems import Problem, example_problem
from service.scoring.event_labels import LABELS_ANSWER, labels_example, labels_request

Json = dict[str, Any]

REASONS: Json = {
    "name": "reasons",
    "in": "query",
    "required": False,
    "description": "Explain adverse decisions, all or none.",
    "schema": {"type": "string", "enum": ["adverse", "all", "none"], "default": "adverse"},
}
EXAMPLE_ERRORS: Mapping[str, tuple[str, Exception | None]] = {
    "400": ("The body is not valid JSON.", None),
    "404": ("No live model of that name.", UnknownModelError("loan", ["loans"])),
    "408": ("The body arrived too slowly.", SlowBodyError(10, MIN_BYTES_PER_SECOND)),
    "409": ("The version cannot be loaded, or there is none to roll back to.", None),
    "413": ("The body or the batch is too large.", None),
    "415": ("The media type is not supported.", None),
    "422": (
        "Values are invalid.",
        InvalidRequestError([FieldError(path="/amount", message="must be a number of at least 0", value=-5)]),
    ),
    "503": (
        "The service is overloaded or the database is unavailable; see `Retry-After`.",
        OverloadedError("500 requests are in flight"),
    ),
    "504": ("The request timed out.", TimeLimitError(60)),
}
ONLY_WITH_A_DATABASE = {"409"}
AT_ANY_TIME = {"503", "504"}
"""Statuses of all paths under the limits of `service.middleware.admission`."""
CONFLICT = (
    "Another event, or another message of the session, has this id.",
    ConflictingEventError("transaction_id", "10000001", "is the id of another event: amount was 20.0"),
)

OF_KEYS = (
    ("The key is missing, unknown, revoked or expired.", MissingKeyError()),
    ("The key lacks the scope.", MissingScopeError("admin", ["score"])),
    ("The key exceeded its rate limit; see `Retry-After`.", RateLimitError(100, 0.5)),
)
"""401, 403 and 429."""


class OpenApi:
    """Builds the document once per set of live versions, and answers GET /openapi.json.

    Parameters
    ----------
    ring : knows whether requests need a key.
    """

    def __init__(self, app: FastAPI, live_models: LiveModels, ring: KeyRing) -> None:
        self._app, self._live_models, self._ring = app, live_models, ring
        self._built_for: tuple[Mapping[str, ServedModel], bool] | None = None
        self._document: Json = {}
        self._written = b""
        app.router.routes.insert(0, Route("/openapi.json", self.page, include_in_schema=False))

    async def page(self, _request: Request) -> Response:
        """The serialized document, cached: the path is public, and serialization takes as long as many predictions."""
        self()
        return Response(self._written, media_type=JSON)

    def __call__(self) -> Json:
        """The document of the models that are live now."""
        state = (self._live_models.served_models, self._ring.is_needed)
        if self._built_for is None or state[0] is not self._built_for[0] or state[1] != self._built_for[1]:
            self._document, self._built_for = self._build(state[0]), state
            self._written = to_json(self._document)
        return self._document

    def _build(self, served_models: Mapping[str, ServedModel]) -> Json:
        app = self._app
        document: Json = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.update(_schemas({"Problem": TypeAdapter(Problem), "ProtocolError": TypeAdapter(ProtocolError)}))
        for methods in document["paths"].values():  # schemas that bodies of a fixed type refer to, see `json_body_of`
            for operation in methods.values():
                for content in operation.get("requestBody", {}).get("content", {}).values():
                    schemas.update(content["schema"].pop("$defs", {}))
        for name in sorted(served_models):
            paths, of_model = _model_paths(served_models[name])
            document["paths"] |= paths
            schemas.update(of_model)
            paths, of_protocol = inference_path(served_models[name])
            document["paths"] |= paths
            schemas.update(of_protocol)
        _describe_problems(document)
        if self._ring.is_needed:
            _require_keys(document)
        return document


def _model_paths(served: ServedModel) -> tuple[Json, Json]:
    """The paths of a live model, and the schemas that they refer to."""
    live = served.live
    name, prefix = live.name, f"{live.name}."
    adapters: dict[str, TypeAdapter[Any]] = {"Row": served.row}
    answers: dict[str, TypeAdapter[Any]] = {"Answer": served.answer, "BatchAnswer": served.batch_writer}
    if served.events is not None:
        adapters[f"{LABELS}.Request"] = labels_request(live.positive_word)
        answers[f"{LABELS}.Answer"] = LABELS_ANSWER
    for action, operation in served.operations.items():
        adapters[f"{action}.Request"], answers[f"{action}.Answer"] = operation.body, operation.answer
    schemas = _schemas(adapters, prefix) | _schemas(answers, prefix, mode="serialization")
    for schema in schemas.values():
        if schema.get("title") == row_title(live.table):
            retired = {one: {"deprecated": True, "description": why} for one, why in served.retired.items()}
            schema["properties"] = {**schema["properties"], **retired}
    described = f"{live.domain.summary} Version {live.version}."

    def path(action: str, summary: str, content: Json, answer: str, parameters: Iterable[Json] = ()) -> Json:
        of_domain = served.operations.get(action)
        may_conflict = served.events is not None and action == "score"
        may_conflict |= of_domain is not None and of_domain.operation.conversation is not None
        ok = {"description": "Answered.", "content": {JSON: {"schema": _ref(f"{prefix}{answer}")}}}
        post = {
            "tags": [name],
            "summary": summary,
            "description": described,
            "operationId": f"{action}_{name}",
            "parameters": list(parameters),
            "requestBody": {"required": True, "content": content},
            "responses": {"200": ok} | ({"409": _problem_answer("/v1", *CONFLICT)} if may_conflict else {}),
        }
        return {f"/v1/{name}/{action}": {"post": post}}

    example = served.example()
    row = _body(f"{prefix}Row", example)
    paths = path("score", "Score one row", {JSON: row}, "Answer", [REASONS])
    paths |= path("batch", "Score many rows", _batch_content(prefix, example), "BatchAnswer", [REASONS])
    if served.events is not None:
        body = _body(f"{prefix}{LABELS}.Request", labels_example(live.positive_word))
        paths |= path(LABELS, "Label events", {JSON: body}, f"{LABELS}.Answer")
    for action, operation in served.operations.items():
        body = _body(f"{prefix}{action}.Request", served.example(operation))
        paths |= path(action, operation.operation.summary, {JSON: body}, f"{action}.Answer")
    return paths, schemas


def _batch_content(prefix: str, example: Json | None) -> Json:
    """The three media types of a batch."""
    rows = {"type": "array", "minItems": 1, "items": _ref(f"{prefix}Row")}
    schema = {"type": "object", "required": ["rows"], "additionalProperties": False, "properties": {"rows": rows}}
    as_json: Json = {"schema": schema}
    as_csv: Json = {"schema": {"type": "string", "description": "UTF-8, with a header of column names."}}
    if example is not None:
        as_json["example"] = {"rows": [example, example]}
        as_csv["example"] = _csv_of(example)
    return {JSON: as_json, CSV: as_csv, PARQUET: {"schema": {"type": "string", "format": "binary"}}}


def _csv_of(row: Json) -> str:
    """A CSV file with a header and one line."""
    cells = {name: json.dumps(value) if isinstance(value, list) else value for name, value in row.items()}
    return pd.DataFrame([cells]).to_csv(index=False)


def _schemas(adapters: Mapping[str, TypeAdapter[Any]], prefix: str = "", *, mode: Any = "validation") -> Json:
    """JSON schemas by name, nested ones included, each name with the prefix."""
    found: Json = {}
    for name, adapter in adapters.items():
        schema = adapter.json_schema(mode=mode, ref_template=f"#/components/schemas/{prefix}{{model}}")
        found |= {f"{prefix}{inner}": content for inner, content in schema.pop("$defs", {}).items()}
        found[f"{prefix}{name}"] = schema
    return found


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _body(schema: str, example: Json | None) -> Json:
    return {"schema": _ref(schema)} | ({} if example is None else {"example": example})


def _describe_problems(document: Json) -> None:
    """Add the problems of every path, in place of FastAPI's own error type."""
    for path, methods in document["paths"].items():
        problems = {status: _problem_answer(path, *described) for status, described in EXAMPLE_ERRORS.items()}
        for method, operation in methods.items():
            operation["responses"].pop("422", None)
            if method in ("post", "delete"):
                statuses = problems.keys() if path.startswith("/v1/models/") else problems.keys() - ONLY_WITH_A_DATABASE
            else:
                takes_parameters = any(one["in"] == "query" for one in operation.get("parameters", ()))
                statuses = ({"404"} if "{name}" in path else set()) | ({"422"} if takes_parameters else set())
            if not path.startswith(ALWAYS_LET_IN):
                statuses = statuses | AT_ANY_TIME
            operation["responses"] |= {status: problems[status] for status in sorted(statuses)}
            if path.endswith("/infer"):
                operation["responses"]["409"] = _problem_answer(path, *CONFLICT)
    for unused in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(unused, None)


def _problem_answer(path: str, description: str, error: Exception | None) -> Json:
    """The response object of a failed request to a path."""
    in_protocol = PROTOCOL_PATHS.fullmatch(path) is not None
    content: Json = {"schema": _ref("ProtocolError" if in_protocol else "Problem")}
    if error is not None:
        example = example_problem(error)
        content["example"] = {"error": example["detail"]} if in_protocol else example
    return {"description": description, "content": {JSON if in_protocol else PROBLEM_TYPE: content}}


def _require_keys(document: Json) -> None:
    """Document which paths need a key and which scope, with the responses 401, 403 and 429."""
    document["components"]["securitySchemes"] = {
        "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        "bearer": {"type": "http", "scheme": "bearer"},
    }
    for path, methods in document["paths"].items():
        if OPEN_PATHS.fullmatch(path):
            continue
        missing, forbidden, too_often = (_problem_answer(path, *described) for described in OF_KEYS)
        for method, operation in methods.items():
            scope = scope_needed(method.upper(), path)
            needs = f"Requires a key with the scope `{scope}`."
            operation["description"] = f"{operation.get('description', '')} {needs}".strip()
            operation["security"] = [{"header": []}, {"bearer": []}]
            operation["responses"] |= {"401": missing, "403": forbidden, "429": too_often}
