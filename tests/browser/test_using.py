"""The pages for those who use the models, in a real browser: a newcomer's way from page to page."""

import re
from datetime import UTC, datetime

import pytest

from service.access.key_store import KeyStore
from service.app import create_app
from service.settings import Settings
from tests.browser.conftest import served

SIZES = [(360, False), (1280, True), (1920, False)]


@pytest.fixture
def address(store):
    with served(create_app(Settings(home=store.home.path))) as found:
        yield found


def test_a_newcomer_finds_everything_from_the_first_page(visit, address):
    """Each model, its monitor, its numbers, how it learns and the API; and the way back."""
    page = visit(address).go("/")
    for name in ("ads", "credit", "fraud"):
        page.get_by_role("navigation", name="Pages").get_by_role("link", name=name, exact=True).click()
        page.get_by_role("heading", level=1, name=re.compile(name)).wait_for()
        for tab in ("Monitor", "Inside the network", "Score"):
            page.get_by_role("navigation", name=name).get_by_role("link", name=tab).click()
            page.locator(f"nav[aria-label={name}] a[aria-current=page]", has_text=tab).wait_for()
    page.get_by_role("link", name="Learn", exact=True).click()
    page.get_by_role("heading", level=1, name="How a neural network learns").wait_for()
    page.get_by_role("link", name="Guide", exact=True).first.click()
    page.get_by_role("navigation", name="Guide").get_by_role("link", name="Your own table").click()
    page.get_by_role("heading", level=1, name="Your own table").wait_for()
    page.get_by_role("link", name="backscore", exact=True).click()
    assert page.url == f"{address}/"


@pytest.mark.parametrize(
    ("name", "button", "said"),
    [
        ("credit", "Score", "points"),
        ("fraud", "Score", "unusual"),
        ("ads", "Rank candidates", "bid"),
        ("digits", "Score", "unusual"),
    ],
)
def test_the_example_of_every_domain_is_answered(visit, address, name, button, said):
    """By pressing one button; the answer is in words and pictures, and nothing bars anybody from reading it."""
    one = visit(address)
    page = one.go(f"/models/{name}")
    page.get_by_role("button", name=button).click()
    answer = page.locator("#answer")
    answer.wait_for()
    assert said in answer.inner_text().lower()
    assert answer.locator("svg").count() > 0
    one.expect_no_barriers()


def test_a_digit_is_drawn_by_pointer_and_by_keyboard(visit, address):
    """Strokes fill the pixels that are sent, and the pad is there again under the answer."""
    one = visit(address)
    page = one.go("/models/digits?example=3")
    page.get_by_role("button", name="Clear").click()
    pad, value = page.get_by_role("application"), lambda name: page.locator(f"[name='/{name}']").input_value()
    assert value("p_3_4") == "0"
    pad.focus()
    for key in ("ArrowRight", " ", "ArrowDown", " ", "Delete"):
        page.keyboard.press(key)
    page.locator(".pad [role=status]", has_text="Row 2, column 2: 0").wait_for()
    assert (value("p_0_1"), value("p_1_1"), value("p_0_0")) == ("16", "0", "0")
    page.get_by_role("button", name="Clear").click()
    box = pad.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.05)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.95, steps=20)
    page.mouse.up()
    assert float(value("p_4_4")) > 0
    assert value("p_4_0") == "0"
    page.get_by_role("button", name="Score").click()
    page.locator("#answer-title", has_text="1, probability").wait_for()
    assert page.get_by_role("application").count() == 1
    one.expect_no_barriers()


def test_what_was_answered_is_followed_to_its_numbers(visit, address):
    """The probability on the page of the answer is the one that the network's page ends in."""
    page = visit(address).go("/models/credit")
    page.get_by_role("button", name="Score").click()
    page.locator("#answer").get_by_role("link", name="Inside the network").click()
    page.get_by_role("heading", level=1, name="credit, inside the network").wait_for()
    assert "prediction_id=" in page.url
    page.get_by_label("Assumed outcome").select_option("0")
    page.get_by_role("button", name="Trace").click()
    page.get_by_text("Loss for outcome 0").wait_for()
    assert page.locator(".cells rect title").first.evaluate("title => title.textContent").startswith("income_eur")


def test_wrong_input_is_shown_at_its_field(visit, address):
    """And is gone when it is right."""
    one = visit(address)
    one.refusals = (422,)
    page = one.go("/models/credit")
    income = page.get_by_label("Net household income per month")
    income.fill("much")
    page.get_by_role("button", name="Score").click()
    page.locator(".field.wrong .error").wait_for()
    assert "number" in page.locator(".field.wrong .error").inner_text()
    assert income.input_value() == "much"
    income.fill("2450")
    page.get_by_role("button", name="Score").click()
    page.locator("#answer").wait_for()
    assert page.locator(".field.wrong").count() == 0


def test_a_version_is_promoted_and_rolled_back(visit, address, store):
    """With a reason, after having been asked."""
    page = visit(address).go("/models/credit")
    page.get_by_role("link", name=re.compile("^Promote")).click()
    page.get_by_label(re.compile("Why|Reason")).fill("newer rows")
    page.get_by_role("button", name=re.compile("Promote")).click()
    page.get_by_text("Version 2 is live.", exact=True).wait_for()
    assert store.registry.champion("credit").number == 2
    page.get_by_role("link", name=re.compile("^Roll")).first.click()
    page.get_by_label(re.compile("Why|Reason")).fill("complaints")
    page.get_by_role("button", name=re.compile("Roll")).click()
    page.get_by_text("Rolled back. Version 1 is live.").wait_for()
    assert store.registry.champion("credit").number == 1
    assert store.registry.history("credit")[-1].why == "complaints"


def test_people_sign_in_with_a_key(visit, store):
    """The key is in no address; who has none is led to the sign-in, and after it to where they wanted."""
    key = KeyStore(store.registry._engine, now=lambda: datetime.now(UTC)).create(
        "ana", ("score",), actor="tests", rate=None, expires=None
    )[1]
    with served(create_app(Settings(home=store.home.path))) as address:
        one = visit(address)
        page = one.go("/models/credit")
        assert "/login" in page.url
        one.expect_no_barriers()
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.locator("input[type=password]").fill(key)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("heading", level=1, name=re.compile("credit")).wait_for()
        assert not any(key in url for url in asked)
        page.get_by_role("button", name="Score").click()
        page.locator("#answer").wait_for()
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url("**/login*")


@pytest.mark.parametrize(("width", "dark"), SIZES)
def test_every_page_fits_and_has_no_barriers(visit, address, picture, width, dark):
    """On a telephone, on a desk and on a wall: nothing is cut off, and axe-core finds nothing serious."""
    one = visit(address, width=width, dark=dark)
    paths = [
        "/",
        "/learn",
        "/learn/numbers?n_rows=40&hidden=3&steps=4",
        "/learn/lessons/2",
        "/learn/odd-one-out",
        "/models/digits",
    ]
    paths += ["/guide", "/guide/operating", "/guide/fraud"]
    paths += [f"/models/{name}{part}" for name in ("ads", "credit", "fraud") for part in ("", "/monitor", "/trace")]
    for path in paths:
        page = one.go(path)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 0, path
        one.expect_no_barriers()
        picture(one, f"{re.sub('[^a-z0-9]+', '-', path).strip('-') or 'overview'}-{width}")
