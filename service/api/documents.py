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
    """A file of a bundle that people read: its name there, what it is, and its media type."""

    file: str
    summary: str
    media_type: str


SANDBOXED = {"Content-Security-Policy": "sandbox allow-scripts", "X-Content-Type-Options": "nosniff"}
"""Charts may be drawn, but whatever a bundle holds must not act for the person who reads it and is signed in."""
DOCUMENTS = {
    "card": Document(CARD, "A version's model card, for programs", "application/json"),
    "card_page": Document(CARD_PAGE, "A version's model card, as a page", "text/html"),
    "report": Document(REPORT, "A version's training report, as a page", "text/html"),
}


def document_paths(version: Version) -> dict[str, str]:
    """Where each document of a version is found."""
    folder = f"/v1/models/{version.name}/versions/{version.number}"
    return {key: f"{folder}/{document.file}" for key, document in DOCUMENTS.items()}


def document_router(registry: Registry, bundles: Path) -> APIRouter:
    """The endpoints of the documents; what they send was verified against the version's digest."""
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
