"""/docs in a real browser: it is there without a network, and a request can be tried."""

from service.app import create_app
from service.settings import Settings
from tests.browser.conftest import served


def test_the_documentation_is_read_and_tried(visit, store):
    """The endpoints are listed, and the example of one is answered when its button is pressed."""
    with served(create_app(Settings(home=store.home.path))) as address:
        page = visit(address).go("/docs")
        assert page.title() == "backscore - Swagger UI"
        page.locator("#operations-credit-score_credit button.opblock-summary-control").click()
        page.get_by_role("button", name="Try it out").click()
        page.get_by_role("button", name="Execute").click()
        answered = page.locator(".live-responses-table .response-col_description .highlight-code").first
        assert '"probability_of_default"' in answered.inner_text()
