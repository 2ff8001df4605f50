"""The place of our layers: in front of the framework's own."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.types import ASGIApp


def put_in_front(app: FastAPI, layers: Sequence[Middleware]) -> None:
    """Let requests pass these layers, the outermost first, before those of the framework.

    The framework would put them inside of its own, which do nothing for what ours answer, and cost as much as checking
    a row does.
    """
    build = app.build_middleware_stack

    def build_all() -> ASGIApp:
        stack = build()
        if isinstance(stack, ServerErrorMiddleware):  # ours answers what nobody foresaw, and as a problem
            stack = stack.app
        for layer, arguments, options in reversed(layers):
            stack = layer(stack, *arguments, **options)
        return stack

    app.build_middleware_stack = build_all  # type: ignore[method-assign]
