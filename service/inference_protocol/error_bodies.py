"""Error responses in the protocol's form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.types import Scope as AsgiScope

PATHS = re.compile(r"/v2(/.*)?", re.DOTALL)


def protocol_error(scope: AsgiScope, problem: Mapping[str, Any]) -> Response | None:
    """`{"error": "..."}` on the protocol's paths; None on all others."""
    return JSONResponse({"error": problem["detail"]}, problem["status"]) if PATHS.fullmatch(scope["path"]) else None
