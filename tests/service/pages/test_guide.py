"""The guide: every page is shown, its links lead somewhere, and what it lists is what there is."""

from __future__ import annotations

import re

import pytest

from service.pages.guide import CONTENTS, FOLDER, anchor, guide_pages
from service.settings import Settings

PAGES = guide_pages()
LINK = re.compile(r'<a href="([^"]+)"')


def test_the_contents_list_every_file() -> None:
    """No page is forgotten, and none is listed that is not there."""
    assert set(PAGES) == {path.stem for path in FOLDER.glob("*.md")}
    assert next(iter(PAGES)) == CONTENTS


@pytest.mark.parametrize("page", PAGES.values(), ids=lambda page: page.name)
def test_a_page_is_shown_without_a_key(page, client) -> None:
    """Its title and its text are there, and nothing that the Content-Security-Policy forbids."""
    answer = client.get(page.path)

    assert answer.status_code == 200
    assert f"<title>{page.title} · backscore</title>" in answer.text
    assert page.html in answer.text
    assert "style=" not in page.html
    assert "<script" not in page.html


@pytest.mark.parametrize("page", PAGES.values(), ids=lambda page: page.name)
def test_links_lead_to_pages_and_headings(page) -> None:
    """Links between pages name pages that exist, fragments headings that exist; others leave on purpose."""
    by_path = {each.path: each for each in PAGES.values()}
    for link in LINK.findall(page.html):
        path, _, fragment = link.partition("#")
        if path.startswith("http://127.0.0.1:8000"):
            continue
        assert path in by_path, link
        if fragment:
            assert f'id="{fragment}"' in by_path[path].html, link


def test_an_unknown_page_is_not_found(client) -> None:
    """Also one that would lead out of the folder."""
    for name in ("nothing", "..%2Fsettings", "index.md"):
        assert client.get(f"/guide/{name}").status_code == 404


def test_the_guide_needs_no_key(start_service, store) -> None:
    """As the documentation does not: it holds nothing of the models."""
    client = start_service(store.home.path, api_key="k").client

    assert client.get("/guide").status_code == 200
    assert client.get("/v1/models").status_code == 401


def test_every_setting_stands_in_the_guide_with_its_default() -> None:
    """The table of `operating.md` is that of `Settings`."""
    rows = re.findall(r"^\| `BACKSCORE_(\w+)` \| (?:`([^`]*)`|none) \|", (FOLDER / "operating.md").read_text(), re.M)
    settings = {name: field.get_default() for name, field in Settings.model_fields.items()}

    assert {name.lower(): value for name, value in rows} == {
        name: "" if value is None else str(value) for name, value in settings.items()
    }


@pytest.mark.parametrize(
    ("heading", "expected"), [("One score", "one-score"), ("What is `x`?", "what-is-x"), ("A - b", "a---b")]
)
def test_anchors_are_those_of_repository_hosts(heading: str, expected: str) -> None:
    """So that a link works in both places."""
    assert anchor(heading) == expected


@pytest.mark.parametrize(
    ("path", "page"),
    [("", "decisions"), ("/monitor", "monitoring"), ("/trace", "network")],
    ids=["score", "monitor", "trace"],
)
def test_pages_of_a_model_link_to_their_page_of_the_guide(path: str, page: str, client) -> None:
    """Pages of a model link to the guide page about them."""
    answer = client.get(f"/models/credit{path}", headers={"accept": "text/html"})

    assert f'href="{PAGES[page].path}">Guide</a></nav>' in answer.text


def test_errors_name_pages_that_exist(client) -> None:
    """Guide pages named in error texts exist."""
    named = re.findall(r"/guide/([\w-]+)", (FOLDER.parent / "errors.py").read_text())

    assert named
    assert set(named) <= set(PAGES)
