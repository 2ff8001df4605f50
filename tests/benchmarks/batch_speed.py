"""Rows a second: batches over HTTP and whole files, on one core.

    python tests/benchmarks/batch_speed.py [--home var] [--rows 10000] [--file-rows 200000] [--rounds 5]

Needs live models (`backscore quickstart --once`). The service, and the scoring of files, have the first core and one
thread of BLAS; the load comes from the last core. Batches are recorded at audit level "durable": the answer leaves when
the disk has it. Rows are simulated ones of the model's domain, all of them fit to be answered; reasons are left out but
in the line that says so, for each costs up to a millisecond. The rows of a model with windows are events: they are
stored, and every round sends others. Files go from parquet to parquet, by `models.answers.files.score_file`, which is
what `backscore score` calls. Medians over the rounds.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from urllib.request import Request, urlopen

import pandas as pd

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from data.checking import checked_frame
from models.contract import LiveModel
from models.home import Home
from models.registry.live import load_live
from models.registry.registry import Registry
from service.requests.bodies import CSV, JSON, PARQUET
from tests.drills.load import ONE_THREAD, free_port, serve_command, server
from tests.drills.stream import requests_of

SCORE_FILE = """
import sys; sys.path.insert(0, {root!r})
from pathlib import Path
from time import perf_counter
from models.answers.files import score_file
from models.home import Home
from models.registry.live import load_live
from models.registry.registry import Registry
home = Home(Path({home!r}))
live = load_live(Registry(home.database_url).champions()[{name!r}], home.bundles)
for _ in range({rounds}):
    started = perf_counter()
    score_file(live, Path({source!r}), Path({target!r}))
    print(perf_counter() - started)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=Path("var"))
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--file-rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--names", nargs="*", help="of models; all live ones if left out")
    arguments = parser.parse_args()
    first, last = {min(os.sched_getaffinity(0))}, {max(os.sched_getaffinity(0))}
    with TemporaryDirectory(prefix="load-", dir=arguments.home) as folder:
        home = Path(folder) / "home"
        shutil.copytree(arguments.home, home, ignore=shutil.ignore_patterns("load-*", "downloads"))
        registry = Registry(Home(home).database_url)
        lives = {name: load_live(version, Home(home).bundles) for name, version in registry.champions().items()}
        registry.close()
        lives = {name: live for name, live in lives.items() if not arguments.names or name in arguments.names}
        print(f"rows a second; batches of {arguments.rows:,}, files of {arguments.file_rows:,}, one core")
        os.sched_setaffinity(0, last)
        port = free_port()
        limits = {"BACKSCORE_MAX_ROWS_PER_BATCH": str(arguments.rows), "BACKSCORE_MAX_BATCH_BYTES": str(2**27)}
        environment = {"BACKSCORE_HOME": str(home.resolve()), **limits}
        with server(serve_command(port), port, cores=first, environment=environment):
            for live in lives.values():
                measure_batches(port, live, arguments.rows, arguments.rounds)
        for live in lives.values():
            measure_files(home, live, arguments.file_rows, arguments.rounds, first)


def measure_batches(port: int, live: LiveModel, n_rows: int, rounds: int) -> None:
    """Print what each form of a batch reaches."""
    frames = _frames(live, n_rows, 0)
    for title, kind, reasons in (
        ("json", JSON, "none"),
        ("csv", CSV, "none"),
        ("parquet", PARQUET, "none"),
        ("json, reasons of adverse decisions", JSON, "adverse"),
    ):
        seconds = []
        for _ in range(rounds + 1):
            request = Request(
                f"http://127.0.0.1:{port}/v1/{live.name}/batch?reasons={reasons}",
                _body(live, next(frames), kind),
                {"Content-Type": kind},
            )
            started = perf_counter()
            answered = urlopen(request).read()  # noqa: S310
            seconds.append(perf_counter() - started)
            if b'"n_answered":%d,' % n_rows not in answered[:200]:
                raise SystemExit(f"not every row was answered: {answered[-500:]!r}")
        print(f"  {live.name:8} batch, {title:36} {n_rows / median(seconds[1:]):10,.0f}", flush=True)


def measure_files(home: Path, live: LiveModel, n_rows: int, rounds: int, cores: set[int]) -> None:
    """Print what scoring a file reaches."""
    with TemporaryDirectory(dir=home) as folder:
        source, target = Path(folder) / "rows.parquet", Path(folder) / "scored.parquet"
        next(_frames(live, n_rows, 1)).to_parquet(source, index=False)
        words = {"root": str(ROOT), "home": str(home), "name": live.name, "source": str(source), "target": str(target)}
        done = subprocess.run(
            [sys.executable, "-c", SCORE_FILE.format(rounds=rounds + 1, **words)],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, **ONE_THREAD},
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )
    seconds = [float(line) for line in done.stdout.split()]
    print(f"  {live.name:8} file, {'parquet to parquet':37} {n_rows / median(seconds[1:]):10,.0f}", flush=True)


def _frames(live: LiveModel, n_rows: int, seed: int) -> Iterator[pd.DataFrame]:
    """Rows as a caller sends them: the inputs only, with all values within the table's rules."""
    frame = live.domain.simulate(n_rows, seed).frame
    checked_frame(live.table, frame, "simulated rows", training=False)
    frame = frame[[column.name for column in live.table.inputs if column.name in frame]]
    event, time = live.table.event, live.table.time
    number = 10**9
    while True:
        if event is not None and time is not None and live.table.windows:
            times = pd.Timestamp.now().floor("s") - pd.to_timedelta(range(n_rows, 0, -1), unit="s")
            frame = frame.assign(**{event.name: range(number, number + n_rows), time.name: times})
            number += n_rows
        yield frame


def _body(live: LiveModel, frame: pd.DataFrame, kind: str) -> bytes:
    if kind == CSV:
        return frame.to_csv(index=False).encode()
    if kind == PARQUET:
        file = io.BytesIO()
        frame.to_parquet(file, index=False)
        return file.getvalue()
    return json.dumps({"rows": requests_of(live.table, frame)}, separators=(",", ":")).encode()


if __name__ == "__main__":
    main()
