"""/learn: the playground, the lessons, and a training step in numbers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from models.answers.trace_layers import TracedLayer, TracedWeight
from models.playground.settings import PlaygroundSettings
from models.playground.states import TracedPoint
from service.pages.learn.controls import controls_of, read_settings
from service.pages.learn.lessons import LESSONS, Lesson, link_to
from service.pages.learn.odd_one_out import drawn, largest, reader_of_pictures
from service.pages.rendering import Pages
from service.pages.site import Site

N_NUMBERS = 8
"""Of a picture's hidden layer, those that are shown; the others are summed."""


@dataclass(frozen=True)
class Unit:
    """One unit in numbers: its weights, each with its input, sum, output and gradients."""

    number: int
    weights: list[tuple[TracedWeight, float]]
    bias: float
    bias_quotient: float
    bias_after: float
    sum: float
    output: float
    output_gradient: float
    sum_gradient: float


def learn_page_router(site: Site) -> APIRouter:
    """The routes of the playground's pages."""
    router = APIRouter(prefix="/learn", include_in_schema=False)
    pages, trainings = site.pages, site.trainings

    @router.get("")
    async def page_learn(request: Request) -> Response:
        return await _playground(pages, request, "learn.html.jinja", PlaygroundSettings(), lessons=LESSONS)

    @router.get("/lessons/{number}")
    async def page_lesson(request: Request, number: int) -> Response:
        if not 1 <= number <= len(LESSONS):
            raise HTTPException(404)
        lesson = LESSONS[number - 1]
        following: Lesson | None = LESSONS[number] if number < len(LESSONS) else None
        return await _playground(
            pages, request, "learn_lesson.html.jinja", lesson.settings, lesson=lesson, following=following
        )

    @router.get("/numbers")
    async def page_numbers(request: Request) -> Response:
        settings, wrong = read_settings(request.query_params)
        steps, row = (_whole(request.query_params.get(name)) for name in ("steps", "row"))
        found = await trainings.trace(settings, steps, row % settings.n_rows)
        return await pages.page(
            request,
            "learn_numbers.html.jinja",
            HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
            settings=settings,
            wrong=wrong,
            steps=steps,
            row=row % settings.n_rows,
            found=found,
            layers=[_units(layer) for layer in found.layers],
            back=link_to(settings, steps=steps),
            here=lambda **more: link_to(settings, "/learn/numbers", **{"steps": steps, "row": row, **more}),
            is_whole=_is_whole(found),
        )

    @router.get("/odd-one-out")
    async def page_odd_one_out(request: Request) -> Response:
        models = site.state.live_models.served_models
        live = reader_of_pictures(models[name].live for name in sorted(models))
        seed, asked = (_whole(request.query_params.get(name)) for name in ("seed", "picture"))
        found = None if live is None else await asyncio.to_thread(drawn, live, seed)
        picture = 0 if found is None else asked - 1 if 1 <= asked <= len(found.pictures) else found.hidden.odd
        return await pages.page(
            request,
            "learn_odd_one_out.html.jinja",
            live=live,
            seed=seed,
            found=found,
            picture=picture,
            numbers=[] if found is None else largest(found.hidden, picture, N_NUMBERS),
        )

    return router


async def _playground(
    pages: Pages, request: Request, template: str, defaults: PlaygroundSettings, **values: object
) -> Response:
    """A page with the playground, set by the query over these defaults."""
    query = {**defaults.query(), **request.query_params}
    settings, wrong = read_settings(query)
    return await pages.page(
        request,
        template,
        HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
        controls=controls_of(settings, query, wrong),
        steps=_whole(query.get("steps")),
        numbers=link_to(settings, "/learn/numbers", steps=_whole(query.get("steps"))),
        **values,
    )


def _whole(text: str | None) -> int:
    """A whole number from a query; 0 for anything else."""
    return int(text) if text is not None and text.isdecimal() and len(text) < 8 else 0


def _units(layer: TracedLayer) -> list[Unit]:
    return [
        Unit(
            number=unit,
            weights=[(one, layer.inputs[one.input]) for one in layer.weights if one.unit == unit],
            bias=layer.biases[unit],
            bias_quotient=layer.bias_quotients[unit],
            bias_after=layer.biases_after[unit],
            sum=layer.sums[unit],
            output=layer.outputs[unit],
            output_gradient=layer.output_gradients[unit],
            sum_gradient=layer.sum_gradients[unit],
        )
        for unit in range(len(layer.biases))
    ]


def _is_whole(found: TracedPoint) -> bool:
    """Whether the trace holds every weight."""
    return all(len(layer.weights) == len(layer.inputs) * len(layer.biases) for layer in found.layers)
