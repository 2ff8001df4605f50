"""Pages as a test reads them: elements with their attributes and texts, and forms that can be filled in and sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

VOID = {"input", "link", "meta", "rect", "line", "br", "img", "path", "circle"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Element | str] = field(default_factory=list)

    def __getitem__(self, name: str) -> str:
        return self.attributes[name]

    def get(self, name: str) -> str | None:
        return self.attributes.get(name)

    @property
    def text(self) -> str:
        parts = [child if isinstance(child, str) else child.text for child in self.children]
        return " ".join(" ".join(parts).split())

    def all(self, *tags: str, **attributes: str) -> list[Element]:
        """Every element below this one of a tag, with these attributes (`class_` for one of several classes)."""
        return [one for one in self._below() if (not tags or one.tag in tags) and one._has(attributes)]

    def one(self, *tags: str, **attributes: str) -> Element:
        (found,) = self.all(*tags, **attributes)
        return found

    def form(self, action: str) -> dict[str, str]:
        """What a browser would send of the form with this action, but for its buttons."""
        (form,) = [one for one in self.all("form") if one["action"].split("#")[0] == action]
        sent = {one["name"]: one.get("value") or "" for one in form.all("input")}
        sent |= {one["name"]: one.text for one in form.all("textarea")}
        for select in form.all("select"):
            options = select.all("option")
            chosen = next((one for one in options if one.get("selected") is not None), options[0])
            sent[select["name"]] = chosen["value"]
        return sent

    def _has(self, wanted: dict[str, str]) -> bool:
        return all(
            value in (self.get("class") or "").split() if name == "class_" else self.get(name) == value
            for name, value in wanted.items()
        )

    def _below(self) -> Iterator[Element]:
        for child in self.children:
            if isinstance(child, Element):
                yield child
                yield from child._below()


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("document")
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self._open[-1].children.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop().tag == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)


def parsed(response: Any) -> Element:
    """The page that was answered; it must close what it opens."""
    assert response.headers["content-type"] == "text/html; charset=utf-8", response.text
    parser = _Parser()
    parser.feed(response.text)
    parser.close()
    assert parser._open == [parser.root]
    return parser.root


def sent(client: Any, path: str, action: str | None = None, **changes: str) -> Any:
    """Open a page, change fields of the form with this action (the page's own path by default), and send it."""
    form = parsed(client.get(path)).form(action or path)
    return client.post(action or path, data={**form, **changes})
