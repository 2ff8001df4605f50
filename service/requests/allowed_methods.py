"""The methods that a path has, for the header Allow of an answer 405."""

from __future__ import annotations

import re

from starlette.requests import Request


def allowed_methods(request: Request) -> str:
    """As the documentation tells them: the framework names only those of the first route that has the path.

    Empty for paths that are not documented.
    """
    paths: dict[str, dict[str, object]] = request.app.openapi()["paths"]
    found = (methods for template, methods in paths.items() if _pattern(template).fullmatch(request.scope["path"]))
    return ", ".join(sorted({method.upper() for methods in found for method in methods}))


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template)))
