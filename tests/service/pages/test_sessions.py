"""Who may open pages, and what forms must prove."""

from __future__ import annotations

import re

import pytest

from service.access.key_store import KeyStore
from service.access.sessions import KEY_COOKIE, SESSION_COOKIE, own_path
from tests.service.pages.conftest import ASKS
from tests.service.pages.parsed import parsed, sent

PAGES = ["/", "/models/credit", "/models/credit/monitor", "/models/credit/promote?version=2"]
FORMS = ["/models/credit", "/models/credit/promote", "/models/credit/rollback", "/models/fraud/alerts/1/verdict"]


def cookies(response):
    return {line.split("=", 1)[0]: line for line in response.headers.get_list("set-cookie")}


def visit(client, page="/models/credit"):
    """The fields of the try-it form, with its token."""
    return parsed(client.get(page)).form(page)


@pytest.mark.parametrize("page", PAGES)
def test_a_person_without_a_key_is_led_to_the_sign_in(start_service, store, page):
    """And from there back to the page; a program gets the problem that it always got."""
    client = start_service(store.home.path, api_key="secret").client
    led = client.get(page, headers=ASKS, follow_redirects=False)
    assert led.status_code == 303
    assert led.headers["location"].startswith("/login")
    refused = client.get(page, follow_redirects=False)
    assert (refused.status_code, refused.json()["type"]) == (401, "urn:backscore:missing-key")

    client.headers.update(ASKS)
    login = parsed(client.get(page))
    assert "credit" not in login.one("header").text
    back = client.post("/login", data={**login.form("/login"), "key": "secret"})
    assert (back.status_code, str(back.url)) == (200, f"http://127.0.0.1:8000{page}")


def test_a_report_leads_a_person_to_the_sign_in_too(start_service, store):
    """It is a page, if not one of this folder; the API beside it is not."""
    client = start_service(store.home.path, api_key="secret").client
    report = "/v1/models/credit/versions/1/report.html"
    led = client.get(report, headers=ASKS, follow_redirects=False)
    assert (led.status_code, led.headers["location"]) == (303, f"/login?next={report}")
    assert client.get("/v1/models", headers=ASKS, follow_redirects=False).status_code == 401


def test_the_key_is_kept_where_no_script_and_no_other_site_reaches_it(start_service, store):
    """HttpOnly, SameSite=Strict, for all paths, Secure where the connection is; and nowhere else on the pages."""
    client = start_service(store.home.path, api_key="correct horse; ä").client
    client.headers.update(ASKS)
    form = parsed(client.get("/login")).form("/login")
    signed_in = client.post("/login", data={**form, "key": "correct horse; ä"}, follow_redirects=False)
    kept = cookies(signed_in)[KEY_COOKIE].lower()
    assert {"httponly", "samesite=strict", "path=/"} <= set(kept.split("; "))
    assert "secure" not in kept.split("; ")
    page = client.get("/")
    assert page.status_code == 200
    assert "correct horse" not in page.text + str(signed_in.headers)

    client.base_url = "https://127.0.0.1:8000"
    form = parsed(client.get("/login")).form("/login")
    signed_in = client.post("/login", data={**form, "key": "correct horse; ä"}, follow_redirects=False)
    assert "secure" in cookies(signed_in)[KEY_COOKIE].lower().split("; ")


def test_a_wrong_key_is_told_at_its_field(start_service, store):
    """The page is shown again with the error; no session is created."""
    client = start_service(store.home.path, api_key="secret").client
    client.headers.update(ASKS)
    refused = sent(client, "/login", key="wrong")
    field = parsed(refused).one("input", id="key")
    assert (refused.status_code, field["aria-invalid"], field.get("value")) == (401, "true", None)
    assert "Unknown, expired or revoked key" in parsed(refused).one("p", id=field["aria-describedby"]).text
    assert KEY_COOKIE not in client.cookies


def test_who_signs_out_is_out(open_browser):
    """The browser forgets the key."""
    browser = open_browser("secret", api_key="secret")
    assert "Key environment" in parsed(browser.get("/")).one("div", class_="who").text
    sent(browser, "/", "/logout")
    assert KEY_COOKIE not in browser.cookies
    assert browser.get("/").url.path == "/login"


def test_a_revoked_key_opens_nothing_any_more(open_browser, make_key, store, eventually):
    """The next page leads to the sign-in."""
    browser = open_browser(make_key("ops", "admin"))
    assert browser.get("/").url.path == "/"
    KeyStore(store.registry._engine).revoke("ops", actor="tests")
    eventually(lambda: browser.get("/").url.path == "/login")


@pytest.mark.parametrize(
    ("wanted", "followed"),
    [
        ("/models/credit?done=promoted", "/models/credit?done=promoted"),
        ("/v1/models/credit/versions/1/report.html", "/v1/models/credit/versions/1/report.html"),
        ("https://evil.example/", "/"),
        ("//evil.example/models/credit", "/"),
        ("/\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("/models/credit\r\nSet-Cookie: a=b", "/"),
        ("javascript:alert(1)", "/"),
        ("models/credit", "/"),
        ("/v1/models", "/"),
        ("/nothing", "/"),
        ("", "/"),
    ],
)
def test_only_pages_of_ours_are_led_back_to(wanted, followed):
    """An address of another host, however it is spelled, is not."""
    assert own_path(wanted) == followed


@pytest.mark.parametrize("path", FORMS)
def test_a_form_needs_the_token_of_its_browser(browser, path):
    """Without one, with one of another browser, or of this one in another session, nothing is done."""
    token = visit(browser)["csrf_token"]
    body = {"version": "2", "why": "x", "verdict": "cleared", "by": "Ada"}
    program = {"Accept": "*/*"}
    for wrong in ("", "0" * 64, "ä", token[:-1]):
        refused = browser.post(path, data={**body, "csrf_token": wrong}, headers=program)
        assert (refused.status_code, refused.json()["type"]) == (403, "urn:backscore:foreign-request")
    browser.cookies.clear()
    assert browser.post(path, data={**body, "csrf_token": token}, headers=program).status_code == 403
    visit(browser)
    assert browser.post(path, data={**body, "csrf_token": token}, headers=program).status_code == 403


@pytest.mark.parametrize(
    ("headers", "is_ours"),
    [
        ({}, True),
        ({"Origin": "http://127.0.0.1:8000"}, True),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://name-of-the-proxy"}, True),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "http://127.0.0.1:8000.evil.example"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:8000"}, False),
    ],
)
def test_a_form_comes_from_this_site(browser, headers, is_ours):
    """By what the browser says of it, even with the right token."""
    answered = browser.post("/models/credit", data=visit(browser), headers=headers)
    assert answered.status_code == (200 if is_ours else 403)


def test_the_token_may_come_in_a_header(browser):
    """As scripts send it."""
    form = visit(browser)
    token = form.pop("csrf_token")
    assert browser.post("/models/credit", data=form, headers={"X-CSRF-Token": token}).status_code == 200


def test_a_token_from_before_the_sign_in_is_none_after_it(start_service, store):
    """The token is bound to the key: a form from before the sign-in cannot be sent after it."""
    client = start_service(store.home.path, api_key="secret").client
    client.headers.update(ASKS)
    form = parsed(client.get("/login")).form("/login")
    client.post("/login", data={**form, "key": "secret"})
    assert client.post("/logout", data={"csrf_token": form["csrf_token"]}).status_code == 403


def test_the_api_by_cookie_needs_the_token_too(open_browser, applicant):
    """What only reads needs none, and a key in a header never does."""
    browser = open_browser("secret", api_key="secret")
    assert browser.get("/v1/models").status_code == 200
    refused = browser.post("/v1/credit/score", json=applicant)
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:backscore:foreign-request")
    for method, path in (("DELETE", "/v1/models/credit/challenger"), ("POST", "/v1/models/credit/promote")):
        assert browser.request(method, path).status_code == 403
    token = visit(browser)["csrf_token"]
    assert browser.post("/v1/credit/score", json=applicant, headers={"X-CSRF-Token": token}).status_code == 200
    foreign = {"X-CSRF-Token": token, "Origin": "https://evil.example"}
    assert browser.post("/v1/credit/score", json=applicant, headers=foreign).status_code == 403
    assert browser.post("/v1/credit/score", json=applicant, headers={"X-API-Key": "secret"}).status_code == 200


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [("score", {"/models/credit"}), ("outcomes", {"/models/fraud/alerts/1/verdict"}), ("admin", set(FORMS))],
)
def test_forms_need_the_scope_that_the_api_needs(open_browser, make_key, scope, allowed):
    """Trying needs `score`, a verdict `outcomes`, everything else `admin`; a person reads it on a page."""
    browser = open_browser(make_key(scope, scope))
    token = parsed(browser.get("/")).form("/logout")["csrf_token"]
    for path in FORMS:
        answered = browser.post(path, data={"csrf_token": token, "version": "2", "why": "x"})
        assert (answered.status_code == 403) == (path not in allowed), path
        if answered.status_code == 403:
            assert f"its scopes: {scope}" in parsed(answered).one("main").text


def test_pages_carry_the_headers_that_keep_others_out(browser):
    """A policy without inline scripts or styles, no frames, no guessed types, nothing cached; on problems as well."""
    for page in (*PAGES, "/models/nobody"):
        headers = browser.get(page).headers
        policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'self'"
        assert (policy["frame-ancestors"], policy["form-action"], policy["base-uri"]) == ("'none'", "'self'", "'none'")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"


def test_no_page_holds_scripts_or_styles_of_its_own(browser):
    """They would not run; and everything that a page loads comes from this service, where no key is needed for it."""
    for page in PAGES:
        document = parsed(browser.get(page))
        assert not [one for one in document.all() if one.get("style") is not None or one.tag == "style"]
        assert not [name for one in document.all() for name in one.attributes if name.startswith("on")]
        loaded = [one["src"] for one in document.all("script")] + [one["href"] for one in document.all("link")]
        assert len(loaded) >= 2
        for address in loaded:
            assert re.fullmatch(r"/static/pages/[0-9a-f]{16}/[a-z.]+", address)
            assert browser.get(address).status_code == 200
        assert all(one.text == "" for one in document.all("script"))


def test_files_are_kept_for_long_under_addresses_that_change_with_them(browser):
    """Under another digest there is nothing, nor outside the folder."""
    style = parsed(browser.get("/")).one("link", rel="stylesheet")["href"]
    served = browser.get(style)
    assert served.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert served.headers["content-type"].startswith("text/css")
    digest, name = style.split("/")[-2:]
    for wrong in (f"{'0' * 16}/{name}", f"{digest}/nothing.css", f"{digest}/../{name}", f"{digest}/%2e%2e%2f{name}"):
        assert browser.get(f"/static/pages/{wrong}").status_code == 404


def test_a_session_that_is_no_session_is_replaced(browser):
    """Whatever a cookie holds."""
    browser.cookies.set(SESSION_COOKIE, "short", domain="127.0.0.1")
    browser.cookies.set(KEY_COOKIE, "*** not base64 ***", domain="127.0.0.1")
    page = browser.get("/models/credit")
    assert page.status_code == 200
    assert SESSION_COOKIE in cookies(page)


def test_forms_are_read_within_limits(start_service, trained_home):
    """Too large, of another type, or with too many fields: a page says so."""
    client = start_service(trained_home, max_body_bytes=50_000).client
    client.headers.update(ASKS)
    form = visit(client)
    assert client.post("/models/credit", data={**form, "more": "x" * 60_000}).status_code == 413
    assert client.post("/models/credit", json=form).status_code == 415
    many = "&".join(["a"] * 10_001)
    sent_many = client.post(
        "/models/credit", content=many, headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert sent_many.status_code == 422
    assert "10,000 values" in parsed(sent_many).one("main").text
