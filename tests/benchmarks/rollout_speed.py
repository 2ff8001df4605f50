"""Cost of a challenger for the champion: requests a second and latencies without one, with a shadow, with a canary.

    python tests/benchmarks/rollout_speed.py [--home var] [--name credit] [--level durable] [--connections 16]
                                             [--seconds 5] [--rounds 3]

Needs a live model (`backscore quickstart --once`). The champion challenges itself, under another number. The service
runs on the first core, the load comes from the last one. Two loads: as fast as answers come, and half as much. Beside
them the processor time of the service for each request, which says more than rates do where a machine is shared, and
what became of the rows that the shadow was to answer.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from data.table import Table
from models.home import Home
from models.registry.audit_settings import AuditSettings
from models.registry.live import load_live
from models.registry.registry import Registry
from tests.drills.load import Loaded, free_port, load, serve_command, server
from tests.drills.stream import example_requests

BESIDE = ("nobody", "shadow", "canary")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=Path("var"))
    parser.add_argument("--name", default="credit")
    parser.add_argument("--level", choices=["durable", "async"], default="durable")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with (
        TemporaryDirectory(prefix="load-", dir=arguments.home) as folder,
        challenged(arguments.home, Path(folder) / "home", arguments.name, arguments.level) as (port, table),
    ):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        compare(port, table, arguments)


@contextmanager
def challenged(source: Path, home: Path, name: str, level: str) -> Iterator[tuple[int, Table]]:
    """A service with the model under three names; gives its port and the table of its rows."""
    shutil.copytree(source, home, ignore=shutil.ignore_patterns("load-*", "downloads"))
    registry = Registry(Home(home).database_url)
    version = registry.champions()[name]
    by = {"actor": "load", "why": ""}
    for mode in BESIDE:
        told = {"name": f"{name}-{mode}", "domain": version.domain, "digest": version.digest, "metrics": {}, **by}
        registry.register(promote=True, **told)
        registry.register(promote=False, **told)
        registry.set_audit(f"{name}-{mode}", AuditSettings(level=level), **by)
    registry.rollouts.start(f"{name}-shadow", 2, mode="shadow", **by)
    registry.rollouts.start(f"{name}-canary", 2, mode="canary", share=0.1, **by)
    registry.close()
    table = load_live(version, Home(home).bundles).table
    port, first = free_port(), {min(os.sched_getaffinity(0))}
    with server(serve_command(port), port, cores=first, environment={"BACKSCORE_HOME": str(home.resolve())}):
        yield port, table


def compare(port: int, table: Table, arguments: argparse.Namespace) -> None:
    """Load the three in turn and print the results."""
    requests = {mode: example_requests(f"/v1/{arguments.name}-{mode}/score", table) for mode in BESIDE}
    told = {"connections": arguments.connections, "seconds": arguments.seconds}
    loads: dict[tuple[str, str], list[Loaded]] = {(mode, how): [] for mode in BESIDE for how in ("full", "half")}
    counts = {key: np.zeros(4) for key in loads}
    for _ in range(arguments.rounds):
        rate = None
        for how in ("full", "half"):
            for mode, request in requests.items():
                before = counted(port)
                loads[mode, how].append(load(port, request, rate=rate, **told))
                time.sleep(0.5)  # the shadow may have rows waiting
                counts[mode, how] += counted(port) - before
            rate = loads["nobody", "full"][-1].rate / 2
    print(f"{arguments.name}, {arguments.level}, {told['connections']} connections, {told['seconds']:g} s")
    for (mode, how), some in loads.items():
        n_answers = sum(len(one.latencies) for one in some)
        cpu, answered, dropped, failed = counts[mode, how]
        print(
            f"  beside {mode}, {how} load: {np.median([one.rate for one in some]):6,.0f} a second, "
            f"p50 {_milliseconds(some, 0.5)}, p99 {_milliseconds(some, 0.99)} ms, {cpu / n_answers * 1e6:.0f} us of "
            f"processor time each, not answered: {sum(sum(one.others.values()) for one in some)}; the shadow answered "
            f"{answered:,.0f}, left out {dropped:,.0f}, failed at {failed:,.0f} of {n_answers:,}"
        )


def counted(port: int) -> np.ndarray:
    """Processor seconds of the service, and rows that shadows answered, left out, and failed at, so far."""
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
    values = {line.split()[0]: float(line.split()[1]) for line in text.splitlines() if not line.startswith("#")}
    rows = [f'backscore_shadow_rows_total{{result="{result}"}}' for result in ("answered", "dropped", "failed")]
    return np.array([values[name] for name in ("process_cpu_seconds_total", *rows)])


def _milliseconds(loads: list[Loaded], quantile: float) -> str:
    return f"{np.median([one.milliseconds(quantile) for one in loads]):.2f}"


if __name__ == "__main__":
    main()
