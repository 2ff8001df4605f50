"""The methods of a path, for the Allow header of a 405 response."""

from __future__ import annotations

import re

from starlette.requests import Request


def allowed_methods(request: Request) -> str:
    """The methods in the OpenAPI document; FastAPI itself names only those of the first route with the path.

    Empty for undocumented paths.
    """
    paths: dict[str, dict[str, object]] = request.app.openapi()["paths"]
    found = (methods for template, methods in paths.items() if _pattern(template).fullmatch(request.scope["path"]))
    return ", ".join(sorted({method.upper() for methods in found for method in methods}))


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template)))
