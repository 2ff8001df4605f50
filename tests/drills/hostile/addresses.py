"""Hostile paths, methods, headers and connections.

    python tests/drills/hostile/addresses.py [--home FOLDER] [--database URL]

Model names with path traversal, unknown methods, endless headers, forged log lines, other protocols.
Each must be answered with a problem or the connection be dropped, and the log keeps one JSON line a request. Exit code
1 if anything is wrong.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))

from tests.drills.hostile.attacks import (
    DROPPED,
    HOST,
    KEY,
    MEBIBYTE,
    Attack,
    Target,
    arguments_of,
    play,
    request,
    served,
)
from tests.drills.stage import end_with, example

MAX_MEBIBYTES = 20
NAMES = {
    "dots": "..",
    "a dot": ".",
    "escaped ../": "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "twice escaped ../": "%252e%252e%252f",
    "dots with a parameter": "..;/models",
    "a backslash": "..%5c..%5cetc",
    "an empty name": "",
    "two slashes": "/",
    "a parameter": "credit;v=1",
    "NUL": "credit%00",
    "only NUL": "%00",
    "a line break": "credit%0d%0aSet-Cookie:%20a=b",
    "invalid UTF-8": "%ff%fe%c3%28",
    "an overlong slash": "%c0%af",
    "a lone surrogate": "%ed%a0%80",
    "another alphabet": "%d1%81redit",
    "wide letters": "%ef%bd%83redit",
    "a letter with 1,000 accents": "e" + "%cc%81" * 1_000,
    "another case": "CREDIT",
    "a broken escape": "%zz",
    "SQL": "credit'%20OR%20'1'='1",
    "10,000 characters": "a" * 10_000,
    "60,000 characters": "a" * 60_000,
    "a format": "%7b0.__class__%7d",
    "a template": "%24%7bjndi:ldap://x%7d",
}
PLACES = (
    ("GET", "/v1/models/{}"),
    ("GET", "/v1/models/{}/versions/1/card.json"),
    ("POST", "/v1/models/{}/promote"),
    ("POST", "/v1/models/{}/policy"),
    ("POST", "/v1/{}/score"),
    ("POST", "/v1/{}/batch"),
    ("POST", "/v1/credit/{}"),
    ("GET", "/v1/{}/alerts"),
    ("GET", "/static/{}"),
    ("GET", "/docs/{}"),
    ("GET", "/{}"),
)
REFUSED = (400, 404, 405, 415, 422)
OK = 200


def paths() -> list[Attack]:
    """Every name at every place where a name is read. What normalises to a page that exists may be answered."""
    body = b'{"version": 1}'
    return [
        Attack(
            f"{method} {place.format('*')}: {what}",
            request(method, place.format(name), body if method == "POST" else b""),
            (*REFUSED, OK, 307) if method == "GET" else (*REFUSED, OK, 409) if name in ("", ".") else REFUSED,
        )
        for method, place in PLACES
        for what, name in NAMES.items()
    ]


def numbers_in_paths() -> list[Attack]:
    """Numbers beyond the range of a database column."""
    found = []
    for digits in (19, 20, 30, 4_000, 5_000, 50_000):
        number = "9" * digits
        for path in (f"/v1/models/credit/versions/{number}/card.json", f"/v1/fraud/alerts/{number}"):
            found.append(get(f"{digits} digits: {path[:36]}...", path, 404))
        found.append(get(f"a limit of {digits} digits", f"/v1/fraud/alerts?limit={number}", 422))
    for days in ("nan", "inf", "-1", "1e400", "5e-324", "0x10", "%00", "9" * 10_000):
        found.append(get(f"days={days[:20]}", f"/v1/fraud/figures?days={days}", 200, 422))
    found.append(get("reasons of 60,000 characters", "/v1/fraud/alerts?status=" + "a" * 60_000, 422))
    found.append(get("10,000 parameters", "/v1/fraud/alerts?" + "a=1&" * 10_000, 200, 422))
    return found


def get(name: str, path: str, *expected: int) -> Attack:
    return Attack(name, request("GET", path), expected)


def methods() -> list[Attack]:
    """Methods that a path does not have, or that no protocol has."""
    known = ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "MKCOL", "SEARCH")
    paths_ = ("/v1/credit/score", "/v1/models", "/health/ready", "/openapi.json", "/docs", "/static/swagger-ui.css")
    found = [Attack(f"{method} {path}", request(method, path), (405,)) for method in known for path in paths_]
    for method in ("FOO", "get", "GET\t", "G" * 60_000, "\0", "POST\0"):
        found.append(Attack(f"method {method[:10]!r}", request(method, "/v1/models"), (400, 431, DROPPED)))
    row = json.dumps(example("credit")).encode()
    return [
        *found,
        Attack("CONNECT", f"CONNECT {HOST}:22 HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode(), (400, 404, 405, DROPPED)),
        Attack("a proxy's address", request("GET", "http://other.example/v1/models"), (200, 400, 404)),
        Attack("an asterisk", request("OPTIONS", "*"), (400, 404, 405)),
        Attack("GET with a body", request("GET", "/v1/models", b"x" * 1_000), (200,)),
        Attack(
            "another method in a header",
            request("GET", "/v1/credit/score", b"", "X-HTTP-Method-Override: POST"),
            (405,),
        ),
        Attack("upgrade to a websocket", _upgrade("websocket", "GET", b""), (200, 400, 405, DROPPED)),
        Attack("upgrade of a POST", _upgrade("h2c", "POST", row), (200, 400, 405, DROPPED)),
    ]


def _upgrade(protocol: str, method: str, body: bytes) -> bytes:
    lines = (
        "Connection: Upgrade",
        f"Upgrade: {protocol}",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    )
    return request(method, "/v1/credit/score" if body else "/v1/models", body, *lines)


def headers() -> list[Attack]:
    """Headers that are too large, too many, repeated, or forge log lines."""
    row = json.dumps(example("credit")).encode()

    def score(name: str, *lines: str, expected: tuple[int, ...] = (200,)) -> Attack:
        return Attack(name, request("POST", "/v1/credit/score", row, *lines), expected)

    def endless(start: bytes, part: bytes) -> Iterator[bytes]:
        yield start
        yield from [part * (MEBIBYTE // len(part))] * 200

    begun = request("GET", "/v1/models")[:-2]
    chunk = b"POST /v1/credit/score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    chunk += b"Transfer-Encoding: chunked\r\n"
    chunk += f"X-API-Key: {KEY}\r\n\r\n".encode()
    over = (400, 431, DROPPED)
    return [
        score("a header of 60,000 bytes", "X-A: " + "a" * 60_000),
        score("a header of 70,000 bytes", "X-A: " + "a" * 70_000, expected=(431,)),
        score("10,000 headers", *["X-A: a"] * 10_000, expected=(200, 431)),
        score("20,000 headers", *["X-A: a"] * 20_000, expected=(431,)),
        Attack("a header without end, 200 MiB", lambda: endless(begun + b"X-A: ", b"a"), over),
        Attack("headers without end, 200 MiB", lambda: endless(begun, b"X-A: a\r\n"), over),
        Attack("an address without end, 200 MiB", lambda: endless(b"GET /", b"a"), over),
        Attack("a method without end", lambda: endless(b"", b"A"), over),
        Attack("trailers without end, 200 MiB", lambda: endless(chunk + b"1\r\n{\r\n0\r\n", b"X-A: a\r\n"), over),
        Attack("a trailer without end, 200 MiB", lambda: endless(chunk + b"1\r\n{\r\n0\r\nX-A: ", b"a"), over),
        Attack("a chunk extension without end", lambda: endless(chunk + b"1;", b"a"), over),
        Attack("blank lines without end", lambda: endless(b"", b"\r\n"), over),
        score("two content types", "Content-Type: text/csv", expected=(200, 415)),
        score("a content type with a comma", expected=(200,)),
        score("a folded header", "X-A: a", " folded: b", expected=(200, 400)),
        score("a header without a name", ": a", expected=(400,)),
        score("a header with a blank in its name", "X A: a", expected=(400,)),
        score("a header that is no text", "X-A: \udcff\udcfe"),
        score("a header with NUL", "X-A: a\0b", expected=(200, 400)),
        score("a request id with a JSON tail", 'X-Request-ID: a","level":"error'),
        score("a request id with a line break", "X-Request-ID: a\\n{}"),
        score("a request id of 60,000 characters", "X-Request-ID: " + "a" * 60_000),
        score("two request ids", "X-Request-ID: a", "X-Request-ID: b"),
        score("a second host", 'Host: "><script>', expected=(400,)),
        Attack(
            "a host that leads here",
            request("GET", "/v1/models").replace(f"Host: {HOST}".encode(), b"Host: a.b"),
            (421,),
        ),
        score("forwarded for somebody", "X-Forwarded-For: 1.2.3.4", "Forwarded: for=_x"),
        score("cookies, ranges and conditions", "Cookie: a=b", "Range: bytes=0-1", "If-Match: *"),
        score("Expect: 100-continue", "Expect: 100-continue", expected=(100, 200)),
        score("Expect: something else", "Expect: 200-ok", expected=(200, 417)),
    ]


def protocols() -> list[Attack]:
    """Bytes that are another protocol, or none."""
    hello = bytes.fromhex("16030100c8010000c40303") + bytes(range(189))
    return [
        Attack("TLS", hello, (400, DROPPED)),
        Attack("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (400, DROPPED)),
        Attack("HTTP/0.9", b"GET /v1/models\r\n\r\n", (400, 401, DROPPED)),
        Attack("HTTP/1.0 without a host", b"GET /health/live HTTP/1.0\r\n\r\n", (200,)),
        Attack("HTTP/9.9", b"GET /health/live HTTP/9.9\r\n\r\n", (400, DROPPED)),
        Attack("bytes", bytes(range(256)) * 100, (400, DROPPED)),
        Attack("a request and garbage behind it", request("GET", "/health/live") + b"\0garbage", (200, DROPPED)),
        Attack("1,000 requests at once", request("GET", "/health/live") * 1_000, (200,)),
        Attack("a line feed alone", request("GET", "/health/live").replace(b"\r\n", b"\n"), (200, 400, DROPPED)),
    ]


def log_problems(target: Target) -> list[str]:
    """Log lines that a caller forged, or that report a failure."""
    found = []
    for line in target.serving.log().split("\n"):
        if not line.startswith("{"):
            if "Traceback" in line or "Error" in line:
                found.append(f"the log tells of a failure: {line[:200]}")
            continue
        told = json.loads(line)
        if told["level"] not in ("info", "warning") or len(line) > 2_000:
            found.append(f"the log has a strange line: {line[:300]}")
    return found


def main() -> None:
    arguments = arguments_of(__doc__)
    attacks = [*paths(), *numbers_in_paths(), *methods(), *headers(), *protocols()]
    with served(arguments) as target:
        before = target.memory()
        problems = play(target, attacks, most_mebibytes=MAX_MEBIBYTES)
        problems += log_problems(target)
        left = target.memory() - before
    print(f"{len(attacks)} attacks, {len(problems)} problems; {left:.0f} MiB more than before")
    end_with(problems)


if __name__ == "__main__":
    main()
