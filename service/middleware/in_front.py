"""Placement of our middleware in front of FastAPI's own."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.types import ASGIApp


def put_in_front(app: FastAPI, layers: Sequence[Middleware]) -> None:
    """Wrap the application in these layers, the outermost first.

    `add_middleware` would put them inside FastAPI's own layers, which do nothing for our responses and cost as much as
    the validation of a row.
    """
    build = app.build_middleware_stack

    def build_all() -> ASGIApp:
        stack = build()
        if isinstance(stack, ServerErrorMiddleware):  # `RequestLog` turns unexpected errors into problems instead
            stack = stack.app
        for layer, arguments, options in reversed(layers):
            stack = layer(stack, *arguments, **options)
        return stack

    app.build_middleware_stack = build_all  # type: ignore[method-assign]
