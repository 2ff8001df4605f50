"""/learn in a real browser: play, pause, step, share, and lessons that notice what was done."""

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from models.playground.run import Run
from models.playground.settings import PlaygroundSettings
from service.app import create_app
from service.settings import Settings
from tests.browser.conftest import served
from tests.models.playground.steps import advance


@pytest.fixture
def address(store):
    with served(create_app(Settings(home=store.home.path))) as found:
        yield found


def at(page):
    """The epoch and the step that the page shows."""
    return tuple(map(int, re.findall(r"\d+", page.locator("#at").inner_text())))


def step_is(page, step):
    page.wait_for_function("step => document.querySelector('#at').textContent.endsWith(`step ${step}`)", arg=step)


def test_a_training_is_played_paused_and_stepped(visit, address):
    """And what it shows is what the network of models/nn says."""
    page = visit(address).go("/learn?n_rows=100&n_epochs=1000&learning_rate=0.05")
    step_is(page, 0)
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("() => Number(document.querySelector('#at').textContent.match(/\\d+/)[0]) >= 10")
    page.get_by_role("button", name="Pause").click()
    epoch, step = at(page)
    page.wait_for_timeout(300)
    assert at(page) == (epoch, step)  # it has stopped
    page.get_by_role("button", name="Step").click()
    step_is(page, step + 1)
    page.get_by_role("button", name="Epoch").click()
    step_is(page, (step // 5 + 1) * 5)

    run = Run(PlaygroundSettings(n_rows=100, n_epochs=1000, learning_rate=0.05))
    advance(run, (step // 5 + 1) * 5)
    state = run.state()
    assert page.locator("#training-loss").inner_text() == f"{state.losses.training:.3g}"
    assert page.locator("#validation-accuracy").inner_text() == f"{100 * state.accuracies.validation:.1f} %"
    assert page.locator("#network line").count() == 2 * 8 + 8


def test_a_shared_address_shows_the_same(visit, address):
    """Settings and step are in it; a reload, or somebody else's browser, shows the same picture."""
    one = visit(address)
    page = one.go("/learn")
    step_is(page, 0)
    page.get_by_label("Data set").select_option("xor")
    page.get_by_label("Hidden layers").fill("6,3")
    page.get_by_label("Hidden layers").press("Tab")
    page.wait_for_function("() => document.querySelectorAll('#network line').length === 2 * 6 + 6 * 3 + 3")
    page.get_by_role("button", name="Epoch").click()
    step_is(page, 14)
    shared = page.url
    assert parse_qs(urlsplit(shared).query) == {"data": ["xor"], "hidden": ["6,3"], "steps": ["14"]}
    picture = "() => document.querySelector('#surface').toDataURL()"
    before = page.evaluate(picture)
    again = visit(address).go(shared)
    step_is(again, 14)
    assert again.evaluate(picture) == before
    assert again.get_by_label("Hidden layers").input_value() == "6,3"


def test_what_is_wrong_is_said_at_its_field(visit, address):
    """And it goes away when it is mended."""
    one = visit(address)
    one.refusals = (422,)
    page = one.go("/learn")
    step_is(page, 0)
    page.get_by_label("Hidden layers").fill("99")
    page.get_by_label("Hidden layers").press("Tab")
    page.locator("#hidden-problem", has_text="from 1 to 64").wait_for()
    assert page.get_by_label("Hidden layers").get_attribute("aria-invalid") == "true"
    page.get_by_label("Hidden layers").fill("4")
    page.get_by_label("Hidden layers").press("Tab")
    page.wait_for_function("() => document.querySelectorAll('#network line').length === 2 * 4 + 4")
    assert page.locator("#hidden-problem").inner_text() == ""


def test_the_numbers_of_a_step_are_those_of_the_trace(visit, address):
    """Each gradient beside its difference quotient, on a page without a script."""
    one = visit(address)
    page = one.go("/learn/numbers?n_rows=40&hidden=3&steps=4&row=2")
    run = Run(PlaygroundSettings(n_rows=40, hidden=(3,)))
    advance(run, 4)
    found = run.trace(2)
    shown = page.locator("main").inner_text()
    for layer in found.layers:
        for weight in layer.weights:
            for number in (weight.weight, weight.gradient, weight.difference_quotient, weight.after):
                assert f"{number:.5g}" in shown
    one.expect_no_barriers()


@pytest.mark.parametrize(("number", "changes"), [(1, [{"learning_rate": "0.5"}, {"learning_rate": "100"}])])
def test_a_lesson_notices_what_was_done(visit, address, number, changes):
    """One task after the other; then it says what is to be kept in mind."""
    page = visit(address).go(f"/learn/lessons/{number}")
    step_is(page, 0)
    for done, change in enumerate([{}, *changes]):
        for name, value in change.items():
            page.locator(f"[name={name}]").fill(value)
            page.locator(f"[name={name}]").press("Tab")
        page.get_by_role("button", name="Play").click()
        page.locator(".tasks .done").nth(done).wait_for(timeout=20_000)
        if page.get_by_role("button", name="Pause").count():
            page.get_by_role("button", name="Pause").click()
    assert page.locator("#moral").is_visible()


@pytest.mark.parametrize("path", ["/learn", "/learn/lessons/1", "/learn/lessons/2", "/learn/lessons/3"])
@pytest.mark.parametrize("dark", [False, True])
def test_there_are_no_barriers(visit, address, path, dark):
    """For people who see little, and for those who use a keyboard."""
    one = visit(address, dark=dark)
    page = one.go(path)
    page.wait_for_function("() => document.querySelectorAll('#network line').length > 0")
    one.expect_no_barriers()
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.className") == "skip"


def test_the_first_view_is_small(visit, address):
    """Within 1.5 MB and a second, everything it loads included."""
    one = visit(address)
    sizes = []
    one.page.on("response", lambda response: sizes.append(len(response.body())))
    page = one.go("/learn")
    step_is(page, 0)
    assert sum(sizes) < 1_500_000
    assert "plotly" not in json.dumps([one.url for one in page.context.pages])
