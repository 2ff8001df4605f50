"""Model names: a name is a URL segment, a file name and a command line argument."""

from __future__ import annotations

import re

from models.errors import ModelNameError

MODEL_NAME = r"[a-z][a-z0-9_-]{0,62}"

RESERVED_NAMES = frozenset(
    # the service's own paths, at the root and below /v1/
    {"docs", "health", "metrics", "models", "openapi", "outcomes", "predictions", "redoc", "static"}
)


def checked_name(name: str) -> str:
    """The name itself if a model may be called so; ModelNameError says what is allowed."""
    if not re.fullmatch(MODEL_NAME, name):
        raise ModelNameError(
            f"{name!r} is no model name: 1 to 63 small letters, digits, '-' and '_', the first of them a letter"
        )
    if name in RESERVED_NAMES:
        raise ModelNameError(f"{name!r} is a path of the service itself; choose another name")
    return name
