"""/models/{name}/trace: forward and backward pass of a row through the network that scores it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from models.answers.trace import LEARNING_RATE, TracedRow
from models.answers.trace_layers import TracedLayer
from service.errors import InvalidRequestError
from service.pages.rendering import may
from service.pages.site import Site
from service.requests.statuses import status_of

CELLS_IN_A_LINE = 16
OPERATION = "trace"


@dataclass(frozen=True)
class Cell:
    """A unit as a square: its output relative to the largest of its layer, and its numbers as text."""

    x: int
    y: int
    strength: float
    is_positive: bool
    says: str


@dataclass(frozen=True)
class DrawnLayer:
    """A layer as lines of squares."""

    title: str
    cells: list[Cell]
    n_columns: int
    n_lines: int
    layer: TracedLayer | None
    names: list[str]


def trace_page_router(site: Site) -> APIRouter:
    """The route of each live model's trace."""
    router = APIRouter(prefix="/models/{name}", include_in_schema=False)

    @router.get("/trace")
    async def page_trace(name: str, request: Request) -> Response:
        served = site.state.live_models.served(name)
        given = {field: request.query_params.get(field, "").strip() for field in ("prediction_id", *_DEFAULTS)}
        texts = {field: given[field] or default for field, default in _DEFAULTS.items()}
        body = {field: _number(text) for field, text in texts.items()}
        if given["prediction_id"]:
            body["prediction_id"] = given["prediction_id"]
        elif (example := served.example()) is not None:
            body["row"] = example
        errors: dict[str, str] = {}
        found, status = None, 200
        if may(request, "score"):
            try:
                found = await _traced(site, name, body, request)
            except InvalidRequestError as error:
                errors, status = {one.path.strip("/"): one.message for one in error.errors}, status_of(error)
        return await site.pages.page(
            request,
            "trace.html.jinja",
            status,
            name=name,
            live=served.live,
            texts={**texts, "prediction_id": given["prediction_id"]},
            errors=errors,
            found=found,
            layers=_drawn(found) if found else [],
            may_score=may(request, "score"),
        )

    return router


_DEFAULTS = {"outcome": "1", "learning_rate": f"{LEARNING_RATE}", "member": "0"}


async def _traced(site: Site, name: str, body: dict[str, Any], request: Request) -> TracedRow:
    """The answer of POST /v1/{name}/trace; raises what it raises."""

    async def read() -> bytes:
        return json.dumps(body).encode()

    return TracedRow.model_validate_json(await site.asking.operation_of(name, OPERATION, read, request.scope))


def _number(text: str) -> object:
    """The text as a number; any other text stays text, and is refused as such."""
    try:
        number: object = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return number if isinstance(number, int | float) else text


def _drawn(found: TracedRow) -> list[DrawnLayer]:
    names = [one.name for one in found.inputs]
    values = [one.value for one in found.inputs]
    drawn = [_layer("Encoded inputs", values, [f"{n}: {v:.4g}" for n, v in zip(names, values, strict=True)])]
    for i, layer in enumerate(found.layers):
        says = [
            f"unit {unit}: z = {z:.4g}, a = {a:.4g}, dL/da = {back:.4g}, dL/dz = {slope:.4g}"
            for unit, (z, a, back, slope) in enumerate(
                zip(layer.sums, layer.outputs, layer.output_gradients, layer.sum_gradients, strict=True)
            )
        ]
        is_last = i == len(found.layers) - 1
        title = "Output" if is_last else f"Hidden layer {i + 1}, {layer.activation}"
        drawn.append(_layer(title, layer.outputs, says, layer, names))
        names = [f"unit {unit}" for unit in range(len(layer.outputs))]
    return drawn


def _layer(
    title: str, values: list[float], says: list[str], layer: TracedLayer | None = None, names: list[str] | None = None
) -> DrawnLayer:
    most = max(map(abs, values)) or 1.0
    cells = [
        Cell(place % CELLS_IN_A_LINE, place // CELLS_IN_A_LINE, abs(value) / most, value >= 0, said)
        for place, (value, said) in enumerate(zip(values, says, strict=True))
    ]
    n_columns = min(len(cells), CELLS_IN_A_LINE)
    return DrawnLayer(title, cells, n_columns, -(-len(cells) // CELLS_IN_A_LINE), layer, names or [])
