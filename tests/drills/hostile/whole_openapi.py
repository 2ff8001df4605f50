"""Schemathesis on the OpenAPI document of a service with three live models.

    python tests/drills/hostile/whole_openapi.py [--cases 10000] [--seed 1] [--home FOLDER] [--database URL]

Needs the extra `hostile`. The endpoints are those of /openapi.json, whichever there are. No answer may be a failure of
the service (5xx), each must be documented: its status, its type, its headers, its content; a request that breaks the
schema must not be accepted, and no endpoint may forget to ask for the key. Rounds with other seeds follow one another
until there were enough cases; in each, `name` in paths is another model's, or anything. Exit code 1 if anything is
wrong.

Not asked is that whatever fits the schema be accepted: a transaction's time, ids that must differ, or what is stored,
are rules that JSON schema does not tell. And `batch` accepts what breaks the schema of its rows on purpose: each bad
row is answered with what is wrong with it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from itertools import count
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))

from tests.drills.hostile.attacks import KEY, MODELS, Target, arguments_of, served
from tests.drills.stage import end_with

SETTINGS = """
[checks]
positive_data_acceptance.enabled = false
unsupported_method.enabled = false  # a path with a number in it has no method at all where there is no number

[[operations]]
include-path-regex = "/batch$"
checks.negative_data_rejection.enabled = false
"""
EXAMPLES = 60
"""For each endpoint and phase of a round."""


def settings_of(name: str | None) -> str:
    """Schemathesis's settings for a round."""
    return f'[parameters]\n"path.name" = "{name}"\n"path.number" = 1\n{SETTINGS}' if name else SETTINGS


def play_round(target: Target, folder: Path, seed: int, name: str | None) -> tuple[dict[str, Any], str]:
    """One run of Schemathesis: its report as JSON, and what it prints."""
    settings, report = folder / "schemathesis.toml", folder / "report.json"
    settings.write_text(settings_of(name))
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(settings), "run"]
    command += [f"{target.url}/openapi.json", "--header", f"X-API-Key: {KEY}"]
    command += ["--max-examples", str(EXAMPLES), "--seed", str(seed), "--continue-on-failure"]
    command += ["--suppress-health-check", "all", "--report", "json", "--report-json-path", str(report)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if not report.exists():
        raise RuntimeError(f"schemathesis did not run:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(report.read_text())
    report.unlink()
    return found, done.stdout


def logged_statuses(target: Target) -> Counter[int]:
    """How often the service answered with each status, by its own log."""
    lines = (json.loads(line) for line in target.serving.log().split("\n") if line.startswith("{"))
    return Counter(line["status"] for line in lines if line["event"] == "request")


def main() -> None:
    arguments = arguments_of(__doc__, cases=10_000, seed=1)
    problems, n_cases = [], 0
    with served(arguments) as target:
        target.bystander.stop()
        n_endpoints = sum(len(methods) for methods in target.get("/openapi.json")["paths"].values())
        for seed in count(arguments.seed):
            name, started = (None, *MODELS)[(seed - arguments.seed) % 4], time.monotonic()
            report, printed = play_round(target, target.home, seed, name)
            n_cases += report["test_cases"]["generated"]
            print(
                f"seed {seed}, name {name or 'anything'}: {report['operations']['tested']} of {n_endpoints} endpoints, "
                f"{report['test_cases']['generated']:,} cases, {report['test_cases']['unique_failures']} failures, "
                f"{len(report['errors'])} errors, {time.monotonic() - started:.0f} s",
                flush=True,
            )
            problems += [f"{one['title']}: {', '.join(one['operations'])}" for one in report["failures"]]
            problems += [f"schemathesis: {one}" for one in report["errors"]]
            if report["failures"] or report["errors"]:
                print(printed)
            if n_cases >= arguments.cases and seed - arguments.seed >= len(MODELS):
                break
        statuses = logged_statuses(target)
        problems += [f"{n} requests were answered {status}" for status, n in statuses.items() if status >= 500]
    print(f"{n_cases:,} cases; answers by status: {dict(sorted(statuses.items()))}; {len(problems)} problems")
    end_with(problems)


if __name__ == "__main__":
    main()
