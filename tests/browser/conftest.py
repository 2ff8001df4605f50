"""A real browser, a service that it talks to, and visits that end with no error, no foreign request, no barrier."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI

from service.runtime.server import PROTOCOL

BROWSER = os.environ.get("BACKSCORE_TEST_BROWSER")
PATIENCE = 10_000
"""Milliseconds that a page has for whatever a test waits for."""
SERIOUS = ("serious", "critical")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium without a window."""
    if not BROWSER:
        pytest.skip("BACKSCORE_TEST_BROWSER names no Chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """Serve the application on a free port of this machine; gives its address."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_level="warning", access_log=False, http=PROTOCOL, proxy_headers=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the service has not started"
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(30)


class Visit:
    """One browser window and what it saw.

    Parameters
    ----------
    page : Playwright's.
    address : of the service; every request must go there.

    Attributes
    ----------
    refusals : statuses that requests of this visit are meant to be answered with; browsers complain of each.
    """

    def __init__(self, page: Any, address: str) -> None:
        self.page, self.address = page, address
        self.refusals: tuple[int, ...] = ()
        self.complaints: list[str] = []
        self.foreign: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._requested)

    def go(self, path: str) -> Any:
        """Open a page of the service, or of a file."""
        self.page.goto(path if "://" in path else self.address + path)
        return self.page

    def expect_no_barriers(self) -> None:
        """What axe-core finds serious would keep somebody from using the page."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.page).response["violations"]
        barriers = [
            f"{one['id']}: {one['help']}: {node['html'][:200]}"
            for one in found
            if one["impact"] in SERIOUS
            for node in one["nodes"]
        ]
        assert not barriers, f"{self.page.url}:\n" + "\n".join(barriers)

    def _said(self, message: Any) -> None:
        if message.type == "error" and not any(f"a status of {status} " in message.text for status in self.refusals):
            self.complaints.append(message.text)

    def _requested(self, request: Any) -> None:
        if not request.url.startswith((self.address, "data:", "blob:", "file:")):
            self.foreign.append(request.url)


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Visit]]:
    """Opens windows; at the end of the test none has complained or asked another host for anything."""
    visits: list[Visit] = []

    def begin(address: str = "file://", *, width: int = 1280, dark: bool = False) -> Visit:
        scheme = "dark" if dark else "light"
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        visits.append(Visit(context.new_page(), address))
        return visits[-1]

    yield begin
    for one in visits:
        one.page.context.close()
        assert (one.complaints, one.foreign) == ([], [])


@pytest.fixture
def picture(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Visit, str], Path]:
    """Keeps a picture of a whole page, in BACKSCORE_PICTURES if that names a folder."""
    folder = Path(os.environ.get("BACKSCORE_PICTURES") or tmp_path)

    def take(one: Visit, name: str) -> Path:
        path = folder / f"{name}.png"
        one.page.screenshot(path=path, full_page=True)
        return path

    return take
