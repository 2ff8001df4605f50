"""StaticFiles: scripts and styles of the pages, at URLs that change with their content."""

from __future__ import annotations

import importlib.util
import re
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

FOLDER = Path(__file__).parent / "static"
REPORT_STYLE = Path(__file__).parents[2] / "models/reports/templates/page_style.css.jinja"
STYLE = "style.css"
PLOTLY = "plotly.min.js"
MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
HEADERS = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
PREFIX = "/static/pages"


class StaticFiles:
    """Files read once. All share one digest, so that modules import each other by relative names."""

    def __init__(self) -> None:
        self._files = {path.name: path.read_bytes() for path in sorted(FOLDER.iterdir())}
        # pages share the look of reports
        self._files[STYLE] = REPORT_STYLE.read_bytes() + self._files[STYLE]
        self._digest = _digest(*(name.encode() + content for name, content in self._files.items()))

    def url(self, name: str) -> str:
        """URL of a file with its present content."""
        digest = self._plotly_digest if name == PLOTLY else self._digest
        return f"{PREFIX}/{digest}/{name}"

    def route(self) -> Route:
        """The route of these URLs; it needs no key."""
        return Route(PREFIX + "/{digest}/{name}", self._send, methods=["GET"], include_in_schema=False)

    def _send(self, request: Request) -> Response:
        name: str = request.path_params["name"]
        if request.scope["path"] == self.url(PLOTLY):
            return FileResponse(self._plotly, media_type=MEDIA_TYPES[".js"], headers=HEADERS)
        if name not in self._files or request.scope["path"] != self.url(name):
            raise HTTPException(404)
        return Response(self._files[name], media_type=MEDIA_TYPES[Path(name).suffix], headers=HEADERS)

    @cached_property
    def _plotly(self) -> Path:
        spec = importlib.util.find_spec("plotly")  # located, not imported, which would slow down the start
        assert spec is not None  # noqa: S101 - a dependency
        assert spec.origin is not None  # noqa: S101
        return Path(spec.origin).parent / "package_data" / PLOTLY

    @cached_property
    def _plotly_digest(self) -> str:
        return _digest(self._plotly.read_bytes())

    @cached_property
    def plotly_style_ids(self) -> list[str]:
        """Ids of style elements that plotly adds for maps unless the page has them; the CSP forbids adding them."""
        script = self._plotly.read_text(encoding="utf-8")
        return re.findall(r'if\(!document\.getElementById\("([0-9a-f]{64})"\)\)', script)


def _digest(*contents: bytes) -> str:
    return sha256(b"\0".join(contents)).hexdigest()[:16]
