"""ErrorBodies: problems in the protocol's words, whoever states them."""

from __future__ import annotations

import re
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from service.requests.problem_translation import HeldProblems

PATHS = re.compile(r"/v2(/.*)?", re.DOTALL)


class ErrorBodies:
    """Turn problems (RFC 9457) of the protocol's paths into `{"error": "..."}`; status and headers stay.

    Stands before everything else, so that a missing key and an overloaded service are told in the same way.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http" and PATHS.fullmatch(scope["path"]):
            send = HeldProblems(send, _in_the_protocols_words, scope, receive).send
        await self.app(scope, receive, send)


def _in_the_protocols_words(problem: dict[str, Any]) -> Response:
    return JSONResponse({"error": problem["detail"]}, problem["status"])
