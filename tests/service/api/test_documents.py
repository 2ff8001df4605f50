"""The documents of a version over HTTP: card and report, as they lie in its bundle."""

from __future__ import annotations

import pytest


@pytest.fixture
def client(start_service, store):
    """A client of a service whose store the test may change."""
    return start_service(store.home.path).client


def test_a_models_versions_link_their_documents(client):
    """Each path that a version names answers with the very bytes of its bundle."""
    version = client.get("/v1/models/credit").json()["versions"][0]

    assert version["documents"].keys() == {"card", "card_page", "report"}
    report = client.get(version["documents"]["report"])
    assert (report.status_code, report.text) == (200, "<!doctype html>")
    assert report.headers["content-type"].startswith("text/html")
    assert report.headers["content-security-policy"] == "sandbox allow-scripts"  # a page without our cookies
    card = client.get(version["documents"]["card"])
    assert (card.status_code, card.json()) == (200, {"name": "credit"})
    assert card.headers["content-type"] == "application/json"


def test_versions_without_a_document_say_so(client, store):
    """Bundles of before have no card; the answer names what they have."""
    version = client.get("/v1/models/ads").json()["versions"][0]
    response = client.get(version["documents"]["card_page"])

    assert response.status_code == 409
    assert "has no file 'card.html'" in response.json()["detail"]
    assert "report.html" in response.json()["detail"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/v1/models/credit/versions/99/report.html", "has no version 99; it has 1, 2"),
        ("/v1/models/lending/versions/1/report.html", "nothing is registered"),
        ("/v1/models/credit/versions/one/report.html", "Not Found"),
        ("/v1/models/credit/versions/1/state.json", "Not Found"),
        ("/v1/models/credit/versions/1/..%2f..%2fbackscore.db", "Not Found"),
    ],
)
def test_what_is_no_document_is_not_found(client, path, words):
    """Unknown versions are named, everything else is no path."""
    response = client.get(path)
    assert response.status_code == 404
    assert words in response.json()["detail"]


def test_an_altered_document_is_not_sent(client, store):
    """One changed byte is found."""
    digest = store.registry.version("credit", 1).digest
    path = store.home.bundles / digest / "report.html"
    path.write_bytes(b"<!doctype htm1>")
    response = client.get("/v1/models/credit/versions/1/report.html")

    assert response.status_code == 409
    assert "altered" in response.json()["detail"]
