"""GET /v1/models/{name}/versions/{number}/{document}: the model card and the training report of a version."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import Response

from models.registry.bundles import read_file
from models.registry.live import CARD, CARD_PAGE, REPORT
from models.registry.registry import Registry, Version


@dataclass(frozen=True)
class Document:
    """A file of a bundle for people to read: file name, summary and media type."""

    file: str
    summary: str
    media_type: str


SANDBOXED = {"Content-Security-Policy": "sandbox allow-scripts", "X-Content-Type-Options": "nosniff"}
"""Scripts may draw charts, but a bundle's content must not act with the session of the signed-in reader."""
DOCUMENTS = {
    "card": Document(CARD, "A version's model card, for programs", "application/json"),
    "card_page": Document(CARD_PAGE, "A version's model card, as a page", "text/html"),
    "report": Document(REPORT, "A version's training report, as a page", "text/html"),
}


def document_paths(version: Version) -> dict[str, str]:
    """The URL path of each document of a version."""
    folder = f"/v1/models/{version.name}/versions/{version.number}"
    return {key: f"{folder}/{document.file}" for key, document in DOCUMENTS.items()}


def document_router(registry: Registry, bundles: Path) -> APIRouter:
    """The endpoints of the documents; files are verified against the version's digest before they are sent."""
    router = APIRouter(prefix="/v1/models", tags=["models"])

    def sender(document: Document) -> Callable[[str, int], Response]:
        def send(name: str, number: int) -> Response:
            content = read_file(bundles, registry.version(name, number).digest, document.file)
            return Response(content, media_type=document.media_type, headers=SANDBOXED)

        return send

    for key, document in DOCUMENTS.items():
        router.add_api_route(
            f"/{{name}}/versions/{{number:int}}/{document.file}",
            sender(document),
            name=key,
            summary=document.summary,
            response_class=Response,
            responses={200: {"content": {document.media_type: {}}}},
        )
    return router
