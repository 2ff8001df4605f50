"""HTTP requests a second: one worker of the service compared with common implementations.

    python tests/benchmarks/http_speed.py [--home var] [--name credit] [--connections 16] [--seconds 5] [--rounds 5]

Needs a live model (`backscore quickstart --once`). All servers run at once, each on the first core; the load comes from
the last core. They are loaded in turn, and ratios are taken round by round, because machines drift.

bare endpoint     FastAPI with the same typed body and answer, without a network, without reasons and without a log
usual pipeline    FastAPI, and a one-row DataFrame through scikit-learn's ColumnTransformer and MLPClassifier;
                  of a text its TF-IDF of words and characters, and logistic regression; none of a series
ours              audit level "durable", "async" and "off"; "durable" waits for the disk before an answer leaves

Behind that: the latency at half the rate that "durable" reached, and 64 connections at once.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from models.home import Home
from models.registry.audit_settings import AuditSettings
from models.registry.live import load_live
from models.registry.registry import Registry
from tests.drills.load import Loaded, ask_once, free_port, load, serve_command, server
from tests.drills.stream import example_requests

PREAMBLE = """
import sys; sys.path.insert(0, {root!r})
from pathlib import Path
import pandas as pd
import uvicorn
from fastapi import FastAPI
from data.rows import row_type
from data.windows import checked_history
from models.home import Home
from models.registry.live import load_live
from models.registry.registry import Registry
home = Home(Path({home!r}))
live = load_live(Registry(home.database_url).champions()[{name!r}], home.bundles)
Row, Answer = row_type(live.table), live.domain.answer
answer = Answer.model_validate_json({answer!r})
app = FastAPI()
@app.get("/health/ready")
async def ready() -> dict: return {{}}
"""
BARE = """
@app.post("/score")
async def score(row: Row) -> Answer:
    return answer
uvicorn.run(app, port={port}, log_level="warning", access_log=False)
"""
USUAL = """
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
frame, labels = checked_history(live.table, live.domain.simulate(4_000, 0).frame, "simulated rows")
names = live.scorer.column_names
numbers = [name for name in names if live.table[name].kind == "number"]
others = [name for name in names if name not in numbers]
as_text = frame[others].astype(str)
model = make_pipeline(
    ColumnTransformer([
        ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), numbers),
        ("others", OneHotEncoder(handle_unknown="ignore"), others),
    ]),
    MLPClassifier((64, 32), max_iter=3),
)
import warnings; warnings.simplefilter("ignore")
model.fit(pd.concat([frame[numbers], as_text], axis=1), labels)
@app.post("/score")
async def score(row: Row) -> dict:
    one = pd.DataFrame([row]).reindex(columns=names)
    one[others] = one[others].astype(str)
    return {{"probability": float(model.predict_proba(one)[0, 1])}}
uvicorn.run(app, port={port}, log_level="warning", access_log=False)
"""
USUAL_OF_TEXT = """
from models.tasks.texts import tf_idf_regression
frame, labels = checked_history(live.table, live.domain.simulate(4_000, 0).frame, "simulated rows",
                                targets=live.domain.task.targets)
name = live.table.text.name
model = tf_idf_regression(0).fit(frame[name].fillna(""), labels)
@app.post("/score")
async def score(row: Row) -> dict:
    return {{"probability": float(model.predict_proba([row[name]]).max())}}
uvicorn.run(app, port={port}, log_level="warning", access_log=False)
"""
LEVELS = ("durable", "async", "off")
Requests = Callable[[], bytes]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=Path("var"))
    parser.add_argument("--name", default="credit")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="load-", dir=arguments.home)))
        ports = stack.enter_context(servers(arguments.home, folder / "home", arguments.name))
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        compare(ports, arguments)


@contextmanager
def servers(source: Path, home: Path, name: str) -> Iterator[dict[str, tuple[int, Requests]]]:
    """Starts all of them on a copy of the home; gives port and requests of each."""
    shutil.copytree(source, home, ignore=shutil.ignore_patterns("load-*", "downloads"))
    registry = Registry(Home(home).database_url)
    version = registry.champions()[name]
    for level in LEVELS:
        told = {"domain": version.domain, "digest": version.digest, "metrics": {}, "actor": "load", "why": ""}
        registry.register(name=f"{name}-{level}", promote=True, **told)
        registry.set_audit(f"{name}-{level}", AuditSettings(level=level), actor="load", why="")
    registry.close()
    live = load_live(version, Home(home).bundles)
    body = json.dumps(live.table.example()).encode()
    first, environment = {min(os.sched_getaffinity(0))}, {"BACKSCORE_HOME": str(home.resolve())}
    with ExitStack() as stack:
        ours = free_port()
        stack.enter_context(server(serve_command(ours), ours, cores=first, environment=environment))
        answer = json.dumps(ask_once(ours, f"/v1/{name}/score?reasons=none", body))
        found = {}
        scripts = {"bare endpoint": BARE}
        if live.table.series is None:
            is_text = any(column.kind == "text" for column in live.table.features)
            scripts["usual pipeline"] = USUAL_OF_TEXT if is_text else USUAL
        for title, script in scripts.items():
            port = free_port()
            words = {"root": str(ROOT), "home": str(home), "name": name, "answer": answer, "port": port}
            stack.enter_context(server([sys.executable, "-c", (PREAMBLE + script).format(**words)], port, cores=first))
            found[title] = (port, example_requests("/score", live.table))
        for level in LEVELS:
            found[f"ours, {level}"] = (ours, example_requests(f"/v1/{name}-{level}/score?reasons=none", live.table))
        with_reasons = example_requests(f"/v1/{name}-durable/score?reasons=all", live.table)
        found["ours, durable, all reasons"] = (ours, with_reasons)
        yield found


def compare(contenders: dict[str, tuple[int, Requests]], arguments: argparse.Namespace) -> None:
    """Load the servers in turn and print rates and ratios."""
    found: dict[str, list[Loaded]] = {title: [] for title in contenders}
    for _ in range(arguments.rounds):
        for title, (port, request) in contenders.items():
            seconds = min(arguments.seconds, 3) if title == "usual pipeline" else arguments.seconds
            found[title].append(load(port, request, connections=arguments.connections, seconds=seconds))
    rates = {title: np.array([one.rate for one in loads]) for title, loads in found.items()}
    print(f"{arguments.name}, {arguments.connections} connections, {arguments.seconds:g} s x {arguments.rounds}")
    for title, loads in found.items():
        of_bare = np.median(rates[title] / rates["bare endpoint"])
        usual = rates.get("usual pipeline")
        of_usual = "" if usual is None else f"{np.median(rates[title] / usual):5.1f}x the usual pipeline   "
        print(
            f"  {title:<27}{np.median(rates[title]):8,.0f} a second   p99 "
            f"{np.median([one.milliseconds(0.99) for one in loads]):6.2f} ms   {of_bare:6.1%} of the bare endpoint   "
            f"{of_usual}not answered: {_others(loads)}"
        )
    port, request = contenders["ours, durable"]
    half = float(np.median(rates["ours, durable"])) / 2
    at_half = load(port, request, connections=arguments.connections, seconds=arguments.seconds, rate=half)
    print(
        f"  durable at half load, {at_half.rate:,.0f} a second: p50 {at_half.milliseconds(0.5):.2f}, "
        f"p99 {at_half.milliseconds(0.99):.2f}, p99.9 {at_half.milliseconds(0.999):.2f} ms"
    )
    crowd = load(port, request, connections=64, seconds=arguments.seconds)
    print(
        f"  durable, 64 connections: {crowd.rate:,.0f} a second, p99 {crowd.milliseconds(0.99):.2f} ms, "
        f"not answered: {_others([crowd])}"
    )


def _others(loads: list[Loaded]) -> str:
    """Answers with other statuses than 200, and connections that broke."""
    counts: dict[str, int] = {}
    for one in loads:
        for status, n_times in one.others.items():
            counts[status] = counts.get(status, 0) + n_times
    return ", ".join(f"{n_times} {status}" for status, n_times in counts.items()) or "none"


if __name__ == "__main__":
    main()
