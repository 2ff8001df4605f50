"""/guide: the guide of `service/guide`, rendered from Markdown, so that it can be read without a network."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from fastapi import APIRouter
from markdown_it import MarkdownIt
from markdown_it.token import Token
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from service.pages.site import Site

FOLDER = Path(__file__).parents[1] / "guide"
CONTENTS = "index"
"""The page that lists all others in reading order."""
FOCUSABLE = {
    "<table>": '<div class="scroll" tabindex="0" role="region" aria-label="Table"><table>',
    "</table>": "</table></div>",
    "<pre>": '<pre tabindex="0" role="region" aria-label="Code">',
}
"""What may be wider than a telephone scrolls by itself, for which the keyboard has to reach it."""


@dataclass(frozen=True)
class GuidePage:
    """One page.

    Parameters
    ----------
    name : of the file without its suffix, and of the address below /guide.
    links : names of the pages that it links to, in their order.
    """

    name: str
    title: str
    html: str
    links: tuple[str, ...]

    @property
    def path(self) -> str:
        """The address of the page."""
        return "/guide" if self.name == CONTENTS else f"/guide/{self.name}"


@cache
def guide_pages() -> dict[str, GuidePage]:
    """Every page by name, the contents first, then as the contents list them."""
    read = {path.stem: _rendered(path.stem, path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.md")}
    return {name: read[name] for name in (CONTENTS, *read[CONTENTS].links)}


def guide_router(site: Site) -> APIRouter:
    """The routes of the guide."""
    router = APIRouter(prefix="/guide", include_in_schema=False)

    @router.get("")
    async def page_guide_contents(request: Request) -> Response:
        return await show(request, CONTENTS)

    @router.get("/{name}")
    async def page_guide(request: Request, name: str) -> Response:
        return await show(request, name)

    async def show(request: Request, name: str) -> Response:
        pages = list((await asyncio.to_thread(guide_pages)).values())  # rendered once, not on the event loop
        place = next((place for place, page in enumerate(pages) if page.name == name), None)
        if place is None:
            raise HTTPException(404)
        return await site.pages.page(
            request, "guide.html.jinja", pages=pages, page=pages[place], following=pages[place + 1 : place + 2]
        )

    return router


def _rendered(name: str, text: str) -> GuidePage:
    """Headings get ids, and links between files become links between addresses."""
    markdown = MarkdownIt("commonmark").enable("table")
    tokens = markdown.parse(text)
    title, links = "", []
    for heading, content in pairwise(tokens):
        if heading.type == "heading_open":
            heading.attrSet("id", anchor(content.content))
            title = title or content.content
    for link in _links(tokens):
        target, _, fragment = str(link.attrGet("href")).partition("#")
        if target.endswith(".md"):
            links.append(target.removesuffix(".md"))
            page = "/guide" if links[-1] == CONTENTS else f"/guide/{links[-1]}"
            link.attrSet("href", f"{page}#{fragment}" if fragment else page)
    html: str = markdown.renderer.render(tokens, markdown.options, {})
    for tag, focusable in FOCUSABLE.items():
        html = html.replace(tag, focusable)
    return GuidePage(name, title, html, tuple(dict.fromkeys(links)))


def anchor(heading: str) -> str:
    """The id of a heading, as repository hosts make it: lower case, hyphens for spaces, no punctuation."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _links(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield from (child for child in token.children or [] if child.type == "link_open")
