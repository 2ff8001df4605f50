"""Cost of /learn trainings for scoring: latencies with none, one and two trainings, and with clicking users.

    python tests/benchmarks/learning_beside.py [--home var] [--name credit] [--connections 16] [--seconds 5]
                                               [--rounds 3]

Needs a live model (`backscore quickstart --once`). The service runs on the first core, the load comes from the last
one, at half of the rate that the service reaches alone. Beside it the networks of `BESIDE` learn, started anew whenever
they have ended, or somebody looks at one state or trace after the other.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.error import HTTPError
from urllib.parse import urlencode

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from models.home import Home
from models.registry.live import load_live
from models.registry.registry import Registry
from tests.drills.load import Loaded, free_port, load, serve_command, server
from tests.drills.stream import example_requests

Requests = Callable[[], bytes]
Call = tuple[str, Mapping[str, object]]
USUAL: Mapping[str, object] = {"activation": "tanh", "n_epochs": 1_000}
LARGEST: Mapping[str, object] = {"n_rows": 2_000, "batch_size": 16, "hidden": "64,64,64,64", "n_epochs": 1_000}
BESIDE: Mapping[str, tuple[Call, ...]] = {
    "nobody": (),
    "one training": (("train", USUAL),),
    "one of the largest": (("train", LARGEST),),
    "two of the largest": (("train", LARGEST), ("train", {**LARGEST, "batch_size": 2_000})),
    "one who looks at frauds": (("state", {"data": "fraud", "n_rows": 2_000}),),
    "one who looks at the largest's numbers": (("trace", {**LARGEST, "steps": 50}),),
}
SECONDS_TO_LOOK = 1.0
"""So long a person looks at an answer before the next click, each time with another seed."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=Path("var"))
    parser.add_argument("--name", default="credit")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with (
        TemporaryDirectory(prefix="load-", dir=arguments.home) as folder,
        served(arguments.home, Path(folder) / "home", arguments.name) as (port, requests),
    ):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        compare(port, requests, arguments)


@contextmanager
def served(source: Path, home: Path, name: str) -> Iterator[tuple[int, Requests]]:
    """A service on a copy of the home; gives its port and the requests to send."""
    shutil.copytree(source, home, ignore=shutil.ignore_patterns("load-*", "downloads"))
    registry = Registry(Home(home).database_url)
    version = registry.champions()[name]
    registry.close()
    requests = example_requests(f"/v1/{name}/score", load_live(version, Home(home).bundles).table)
    port, first = free_port(), {min(os.sched_getaffinity(0))}
    with server(serve_command(port), port, cores=first, environment={"BACKSCORE_HOME": str(home.resolve())}):
        yield port, requests


def compare(port: int, request: Requests, arguments: argparse.Namespace) -> None:
    """Load in turn next to each and print the results."""
    told = {"connections": arguments.connections, "seconds": arguments.seconds}
    load(port, request, connections=arguments.connections, seconds=min(arguments.seconds, 1))
    loads: dict[str, list[Loaded]] = {beside: [] for beside in BESIDE}
    n_answers = dict.fromkeys(BESIDE, 0)
    for _ in range(arguments.rounds):
        rate = load(port, request, **told).rate / 2
        for beside, asked in BESIDE.items():
            with learning(port, asked) as answered:
                loads[beside].append(load(port, request, rate=rate, **told))
            n_answers[beside] += len(answered)
    print(f"{arguments.name}, {arguments.connections} connections, {arguments.rounds} times {arguments.seconds:g} s")
    for beside, some in loads.items():
        latencies = ", ".join(
            f"{name} {np.median([one.milliseconds(quantile) for one in some]):.2f}"
            for name, quantile in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999))
        )
        print(
            f"  beside {beside}: {np.median([one.rate for one in some]):,.0f} a second, {latencies} ms, the worst p99 "
            f"{max(one.milliseconds(0.99) for one in some):.2f} ms; not answered: "
            f"{sum(sum(one.others.values()) for one in some)}; pictures or answers meanwhile: {n_answers[beside]}"
        )


@contextmanager
def learning(port: int, asked: tuple[Call, ...]) -> Iterator[list[None]]:
    """Clients that repeat each of these calls; yields a list with an element for each line of data."""
    stopped, answered, seeds = threading.Event(), list[None](), count(1)

    def ask(what: str, given: Mapping[str, object]) -> None:
        while not stopped.is_set():
            address = f"http://127.0.0.1:{port}/learn/{what}?{urlencode({**given, 'seed': next(seeds)})}"
            try:
                with urllib.request.urlopen(address) as answer:
                    for line in answer:
                        if line.startswith((b"data", b"{")):
                            answered.append(None)
                        if stopped.is_set():
                            return
            except HTTPError as refused:  # those who were here before leave only now
                if refused.code != HTTPStatus.TOO_MANY_REQUESTS:
                    raise
            if what != "train":
                stopped.wait(SECONDS_TO_LOOK)

    threads = [threading.Thread(target=ask, args=one) for one in asked]
    for thread in threads:
        thread.start()
    try:
        yield answered
    finally:
        stopped.set()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main()
