"""Hostile JSON and bodies: endlessly nested, huge, ambiguous, compressed, larger or smaller than announced.

    python tests/drills/hostile/bodies.py [--home FOLDER] [--database URL]

Each must be refused in two seconds with a problem that says why (or answered, where it means something), while others
are answered and memory stays. Exit code 1 if anything is wrong.
"""

from __future__ import annotations

import gzip
import json
import sys
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))

from tests.drills.hostile.attacks import (
    DROPPED,
    MEBIBYTE,
    Attack,
    Target,
    arguments_of,
    chunked,
    play,
    request,
    served,
)
from tests.drills.stage import end_with, example

SCORE, BATCH, LABELS, EXPLAIN = "/v1/credit/score", "/v1/credit/batch", "/v1/fraud/labels", "/v1/credit/explain"
MAX_MEBIBYTES = 200
N_BATCHES = 16


def posted(name: str, body: bytes, *expected: int, path: str = SCORE, **more: float) -> Attack:
    """A body sent as it is announced."""
    return Attack(name, request("POST", path, body), expected, **more)


def with_value(text: str, column: str = "amount_eur") -> bytes:
    """The example row with a value as it is spelled, which need not be JSON."""
    return json.dumps({**example("credit"), column: "@"}).replace('"@"', text).encode("utf-8", "surrogateescape")


def nested() -> list[Attack]:
    """Structures nested deeper than a parser's stack."""
    deep = 100_000
    lists, objects = b"[" * deep + b"]" * deep, b'{"a":' * deep + b"1" + b"}" * deep
    inside = with_value("[" * deep + "]" * deep)
    found = [
        posted(f"{what}, {path}", body, 400, path=path)
        for path in (SCORE, BATCH, EXPLAIN, LABELS, "/v1/models/credit/promote")
        for what, body in (
            ("100,000 nested lists", lists),
            ("100,000 nested objects", objects),
            ("500,000 lists that never end", b"[" * 500_000),
        )
    ]
    return [*found, posted("a value of 100,000 nested lists", inside, 400)]


def numbers() -> list[Attack]:
    """Numbers out of range, or that are not numbers."""
    refused = {
        "1e400": "1e400",
        "a number of 5,000 digits": "1" + "0" * 5_000,
        "a number of 900,000 digits": "9" * 900_000,
        "an exponent of 900,000 digits": "1e" + "9" * 900_000,
        "0.000...1, 900,000 digits": "0." + "0" * 900_000 + "1",
        "NaN": "NaN",
        "Infinity": "Infinity",
        "-Infinity": "-Infinity",
        "-0": "-0",
        "0x1F": "0x1F",
        "leading zero": "0123",
        "true": "true",
    }
    found = [posted(f"as an amount: {name}", with_value(text), 400, 422) for name, text in refused.items()]
    found += [
        posted("a version of 30 digits", b'{"version": %d}' % 10**30, 404, 422, path="/v1/models/credit/promote"),
        posted("a version of 20 digits", b'{"version": %d}' % 2**64, 404, 422, path="/v1/models/credit/promote"),
        posted("a policy of 19 digits", b'{"version": %d}' % 2**63, 404, 422, path="/v1/models/credit/policy"),
        posted("a label for an id of 5,000 digits", _label("9" * 5_000), 200, 400, 422, path=LABELS),
        posted("a label known in the year 10000", _label("1", '"10000-01-01T00:00:00Z"'), 422, path=LABELS),
        posted("a label known at a bare number", _label("1", "0"), 422, path=LABELS),
        posted("a label known before Christ", _label("1", '"-0001-01-01T00:00:00Z"'), 422, path=LABELS),
    ]
    return found


def texts() -> list[Attack]:
    """Bytes that are not text, and unusual Unicode."""
    row = json.dumps(example("credit"))
    return [
        posted("invalid UTF-8", with_value('"\udcc3\x28"', "purpose"), 400),
        posted("an overlong slash", with_value('"\udcc0\udcaf"', "purpose"), 400),
        posted("a lone surrogate", with_value('"\\ud800"', "purpose"), 400),
        posted("a NUL that is escaped", with_value('"a\\u0000b"', "purpose"), 200, 422),
        posted("a NUL that is not", with_value('"a\0b"', "purpose"), 400),
        posted("a byte order mark", "\ufeff".encode() + row.encode(), 400),
        posted("UTF-16", row.encode("utf-16"), 400),
        posted("UTF-32", row.encode("utf-32"), 400),
        posted("a text of 1,000,000 characters", with_value('"' + "x" * 1_000_000 + '"', "purpose"), 422),
        posted("a key of 1,000,000 characters", json.dumps({"x" * 1_000_000: 1}).encode(), 422),
        posted("keys that are empty", b'{"": {"": {"": 1}}}', 422),
        posted("a key twice, the last counts", row.encode()[:-1] + b', "amount_eur": -1}', 422),
        posted("no body at all", b"", 400, 415),
        posted("one million blanks", b" " * 1_000_000, 400),
        posted("a NUL in why", b'{"version": 1, "why": "\\u0000"}', 422, path="/v1/models/credit/promote"),
        posted("a label for an id with NUL", _label('"\\u0000"'), 422, path=LABELS),
    ]


def crowds() -> list[Attack]:
    """Bodies within the limits that make a lot of work."""
    unknown = json.dumps({f"amount_eu{i:x}": 1 for i in range(50_000)}).encode()
    rows = json.dumps({"rows": [{**example("credit"), **{f"x{j}": 0 for j in range(50)}}] * 10_000}).encode()
    bad = json.dumps({"rows": [{}] * 10_000}).encode()
    labels = json.dumps({"labels": [{"id": str(i), "fraud": 2} for i in range(1_500_000)]}).encode()
    return [
        posted("50,000 unknown fields", unknown[:-1], 422),
        posted("50,000 unknown fields, well-formed", unknown, 422),
        posted("10,000 rows with 50 unknown fields each", rows, 200, 413, 422, path=BATCH, seconds=6),
        posted("10,000 rows that are empty", bad, 200, path=BATCH, seconds=6),
        posted("one million bad labels", labels, 413, 422, path=LABELS, seconds=6),
        posted("a list of 13 million numbers", b'{"rows":[' + b"1," * 13_000_000 + b"1]}", 413, path=BATCH),
        posted("3 million empty lists as rows", b'{"rows":[' + b"[]," * 3_000_000 + b"[]]}", 413, path=BATCH),
    ]


def sizes() -> list[Attack]:
    """More bytes than are read, or other ones than were announced."""
    many, row = b" " * (50 * MEBIBYTE), json.dumps(example("credit")).encode()
    packed = gzip.compress(row)
    bomb = gzip.compress(bytes(100 * MEBIBYTE), 9)

    def coded(name: str, body: bytes, coding: str) -> Attack:
        return Attack(name, request("POST", SCORE, body, f"Content-Encoding: {coding}"), (415,))

    def headed(name: str, *headers: str, body: bytes = row, expected: tuple[int, ...] = (400, DROPPED)) -> Attack:
        lines = [
            "POST /v1/credit/score HTTP/1.1",
            "Host: localhost",
            "Content-Type: application/json",
            *headers,
            "",
            "",
        ]
        return Attack(name, "\r\n".join(lines).encode() + body, expected)

    return [
        posted("50 MiB announced", many, 413),
        Attack("50 MiB announced, none sent", request("POST", SCORE, length=50 * MEBIBYTE), (413,)),
        Attack("50 MiB in chunks", lambda: chunked(SCORE, [many[:65_536]] * 800), (413,)),
        Attack("70 MiB of batch in chunks", lambda: chunked(BATCH, [many[:65_536]] * 1_120), (413,)),
        posted("50 MiB of blanks as a batch", many, 400, path=BATCH, seconds=3),
        coded("gzip", packed, "gzip"),
        coded("a gzip bomb of 100 MiB", bomb, "gzip"),
        coded("deflate", zlib.compress(row), "deflate"),
        coded("an unknown coding", row, "br, gzip"),
        headed("an endless Content-Length", "Content-Length: " + "9" * 500),
        headed("a negative Content-Length", "Content-Length: -1"),
        headed("a Content-Length with a sign", f"Content-Length: +{len(row)}"),
        headed("two lengths that differ", "Content-Length: 3", f"Content-Length: {len(row)}"),
        headed("a length beside chunks", f"Content-Length: {len(row)}", "Transfer-Encoding: chunked"),
        headed("an unknown transfer coding", "Transfer-Encoding: gzip", expected=(400, 501, DROPPED)),
        headed("chunks of a size that is none", "Transfer-Encoding: chunked", body=b"zz\r\n{}\r\n0\r\n\r\n"),
        headed("a chunk of 2^72 bytes", "Transfer-Encoding: chunked", body=b"f" * 18 + b"\r\n{"),
    ]


def many_batches(target: Target) -> list[str]:
    """Bodies of 50 MiB that come at the same time must not fill the memory."""
    target.forget_peak()
    before, statuses = target.memory(), list[int]()

    def send() -> None:
        parts: Iterator[bytes] = chunked(BATCH, [b" " * MEBIBYTE] * 50)
        reply = target.exchange(parts, 60)
        statuses.append(reply.status)

    threads = [threading.Thread(target=send) for _ in range(N_BATCHES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    grown = target.peak_memory() - before
    print(f"{N_BATCHES} batches of 50 MiB at once: answered {sorted(statuses)}, memory grew by {grown:.0f} MiB")
    problems = [] if grown <= 512 else [f"{N_BATCHES} batches of 50 MiB took {grown:.0f} MiB of 512"]
    return problems + [f"a batch of 50 MiB was answered {status}" for status in set(statuses) - {400, 503}]


def _label(number: str, known: str = "null") -> bytes:
    return f'{{"labels": [{{"id": {number}, "fraud": true, "known": {known}}}]}}'.encode()


def main() -> None:
    arguments = arguments_of(__doc__)
    attacks = [*nested(), *numbers(), *texts(), *crowds(), *sizes()]
    with served(arguments) as target:
        play(target, attacks[:1], most_mebibytes=MAX_MEBIBYTES)  # what is loaded at the first request is no leak
        before = target.memory()
        problems = play(target, attacks, most_mebibytes=MAX_MEBIBYTES)
        problems += many_batches(target)
        left = target.memory() - before
    print(f"{len(attacks)} attacks, {len(problems)} problems; {left:.0f} MiB more than before")
    end_with(problems)


if __name__ == "__main__":
    main()
