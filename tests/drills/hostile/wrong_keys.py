"""10,000 wrong keys, and right ones that are used for what they are not for.

    python tests/drills/hostile/wrong_keys.py [--keys 10000] [--seed 1] [--home FOLDER] [--database URL]

Each wrong key must be refused with 401, in the same words whatever is wrong with it, or with 429 after too many. Memory
must stay flat, the others must be answered, and on PostgreSQL the number of transactions must not grow with the number
of keys. A key for scoring must not administer (403) or exceed its rate (429), and a revoked one must be refused at
once. Exit code 1 if anything is wrong.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))

from tests.drills.hostile.attacks import HOST, KEY, Target, arguments_of, served
from tests.drills.stage import end_with, example

MAX_MEBIBYTES = 10
SECONDS_TO_REVOKE = 1.0
Headers = dict[str, str]


def wrong_keys(n_keys: int, seed: int, right: str) -> Iterator[Headers]:
    """Headers with invalid keys of many kinds."""
    randomness = random.Random(seed)
    prefix, key_id, secret = right.split("_", 2)
    for number in range(n_keys):
        secret_of_as_many = "".join(randomness.choices("abcdefghijkABCDEFGHIJK0123456789-_", k=len(secret)))
        yield (
            {"X-API-Key": secret_of_as_many},
            {"X-API-Key": f"{prefix}_{key_id}_{secret_of_as_many}"},
            {"X-API-Key": f"{prefix}_{number:08x}_{secret}"},
            {"X-API-Key": right[:-1]},
            {"X-API-Key": right + "\t\0"[:1] + "x"},
            {"X-API-Key": right.swapcase()},
            {"X-API-Key": KEY[: number % len(KEY)]},
            {"X-API-Key": KEY * (2 + number % 100)},
            {"X-API-Key": "a" * (60_000 if number % 100 == 8 else 100)},
            {"X-API-Key": f"{prefix}_{key_id}_"},
            {"X-API-Key": "_" * (number % 50)},
            {"X-API-Key": "\xe9\xff" + right},
            {"X-API-Key": "' OR 1=1 --"},
            {"Authorization": f"Basic {base64.b64encode(f'x:{right}'.encode()).decode()}"},
            {"Authorization": f"Bearer  {right} {right}"},
            {"Authorization": right},
            {},
        )[number % 17]


def ask(client: http.client.HTTPConnection, headers: Headers, path: str, body: bytes | None) -> tuple[int, bytes, str]:
    client.request("GET" if body is None else "POST", path, body, {"content-type": "application/json", **headers})
    response = client.getresponse()
    return response.status, response.read(), response.headers.get("retry-after", "")


def command(target: Target, *words: str) -> str:
    """What a command of backscore prints as JSON."""
    environment = {**os.environ, **target.serving.environment}
    done = subprocess.run(
        [sys.executable, "-m", "service", *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def transactions(url: str | None) -> int:
    """The number of transactions in this database, by PostgreSQL's statistics."""
    if url is None:
        return 0
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        found: int = connection.scalar(
            sa.text("select xact_commit + xact_rollback from pg_stat_database where datname = current_database()")
        )
    engine.dispose()
    return found


def flood(target: Target, headers: list[Headers]) -> tuple[Counter[int], set[str]]:
    """How often each status came, and the texts of the refusals."""
    client = http.client.HTTPConnection(HOST, target.port, timeout=30)
    body, statuses, texts = json.dumps(example("credit")).encode(), Counter[int](), set[str]()
    for number, one in enumerate(headers):
        path, sent = ("/v1/models", None) if number % 2 else ("/v1/credit/score", body)
        status, content, _ = ask(client, one, path, sent)
        statuses[status] += 1
        if status == 401:
            texts.add(json.loads(content)["detail"])
    client.close()
    return statuses, texts


def misused(target: Target, key: str) -> list[str]:
    """A key that may score, at most ten times a second, does other things."""
    client = http.client.HTTPConnection(HOST, target.port, timeout=30)
    body, headers = json.dumps(example("credit")).encode(), {"X-API-Key": key}
    problems = []
    status, _, _ = ask(client, headers, "/v1/models/credit/promote", b'{"version": 1}')
    if status != 403:
        problems.append(f"a key that may score was answered {status} when it promoted")
    statuses = Counter(ask(client, headers, "/v1/credit/score", body)[0] for _ in range(200))
    if set(statuses) != {200, 429} or statuses[200] > 40:
        problems.append(f"200 requests with ten a second were answered {dict(statuses)}")
    status, _, retry_after = ask(client, headers, "/v1/credit/score", body)
    if status == 429 and not retry_after.isdecimal():
        problems.append(f"a 429 has the Retry-After {retry_after!r}")
    print(f"a key for ten a second: 200 requests at once were answered {dict(statuses)}")
    command(target, "keys", "revoke", "hostile")
    time.sleep(SECONDS_TO_REVOKE)
    status, _, _ = ask(client, headers, "/v1/models", None)
    if status != 401:
        problems.append(f"a revoked key was answered {status} after {SECONDS_TO_REVOKE:g} s")
    client.close()
    return problems


def main() -> None:
    arguments = arguments_of(__doc__, keys=10_000, seed=1)
    with served(arguments) as target:
        made = json.loads(command(target, "keys", "create", "hostile", "--scopes", "score", "--rate", "10/s", "--json"))
        key = made["key"]
        headers = list(wrong_keys(arguments.keys, arguments.seed, key))
        flood(target, headers[:500])  # what is made at the first refusal is no leak
        idle_from, idle = time.monotonic(), transactions(arguments.database)
        time.sleep(5)
        idle_rate = (transactions(arguments.database) - idle) / (time.monotonic() - idle_from)
        before, started, asked = target.memory(), time.monotonic(), transactions(arguments.database)
        statuses, texts = flood(target, headers)
        seconds = time.monotonic() - started
        rate = (transactions(arguments.database) - asked) / seconds
        grown, fared = target.memory() - before, target.bystander.since(started)
        problems = misused(target, key)
    print(
        f"{arguments.keys:,} wrong keys in {seconds:.1f} s were answered {dict(statuses)} in {len(texts)} wording(s); "
        f"memory grew by {grown:.1f} MiB; a bystander waited {fared.quantile(0.99):.1f} ms at most 99 times in 100"
    )
    if arguments.database:
        print(f"transactions a second: {rate:.0f}, without wrong keys {idle_rate:.0f}")
        if rate > 1.5 * idle_rate + 20:
            problems.append("the database is asked for wrong keys")
    if not set(statuses) <= {401, 429} or len(texts) != 1:
        problems.append(f"wrong keys were answered {dict(statuses)} with {texts}")
    if grown > MAX_MEBIBYTES:
        problems.append(f"memory grew by {grown:.0f} MiB")
    problems += [f"a bystander was answered {status}" for status in set(fared.refusals)]
    end_with(problems)


if __name__ == "__main__":
    main()
