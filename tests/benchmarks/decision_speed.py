"""Latency of one validated row to a decision, and to a decision with reasons, in process.

    python tests/benchmarks/decision_speed.py [--home var] [--repeats 2000]

Measures every live model of the home (run `backscore quickstart --once` first) on the example row of its table (with
the windows of a simulated row, where it has windows), and beside it the usual way: a one-row DataFrame through
scikit-learn's ColumnTransformer and MLPClassifier. One BLAS thread.
"""

from __future__ import annotations

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import argparse
import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

sys.path.insert(0, str(Path(__file__).parents[2]))

from data.rows import row_adapter
from data.windows import checked_history
from models.answers.respond import respond
from models.contract import LiveModel, ReasonScope
from models.home import Home
from models.registry.live import load_live
from models.registry.registry import Registry
from tests.drills.stream import windows_of


def quartiles(call: Callable[[], object], repeats: int) -> tuple[float, float, float]:
    """Median, 95th and 99th percentile of one call, in microseconds."""
    for _ in range(min(repeats, 50)):
        call()
    seconds = np.empty(repeats)
    for i in range(repeats):
        started = time.perf_counter()
        call()
        seconds[i] = time.perf_counter() - started
    return tuple(np.quantile(seconds, [0.5, 0.95, 0.99]) * 1e6)


def usual_pipeline(live: LiveModel, frame: pd.DataFrame, labels: np.ndarray) -> Callable[[], object]:
    """A one-row DataFrame through imputation, scaling, one-hot encoding and MLPClassifier."""
    inputs = [column for column in live.table.of_role("feature") if column.kind != "time"]
    numbers = [column.name for column in inputs if column.kind == "number"]
    categories = [column.name for column in inputs if column.kind != "number"]
    pipeline = make_pipeline(
        make_column_transformer(
            (make_pipeline(SimpleImputer(), StandardScaler()), numbers),
            (OneHotEncoder(handle_unknown="ignore"), categories),
        ),
        MLPClassifier((128, 64), max_iter=3),
    )
    pipeline.fit(frame[numbers + categories], labels)
    row = frame.iloc[0].to_dict()
    return lambda: pipeline.predict_proba(pd.DataFrame([row])[numbers + categories])


def measure(live: LiveModel, repeats: int) -> None:
    """Print the figures of one model."""
    raw, read = live.domain.simulate(3000, 0).frame, live.domain.task.targets
    simulated, labels = checked_history(live.table, raw, "simulated rows", targets=read)
    row = row_adapter(live.table).validate_json(example_json(live)) | windows_of(live.table, simulated.iloc[-1:])[0]
    scopes: list[ReasonScope] = ["none", "all"]
    for reasons in scopes:
        median, p95, p99 = quartiles(lambda r=reasons: respond(live, [row], ["id"], reasons=r), repeats)
        print(f"{live.name:>8} reasons={reasons:<5} median {median:7.1f} us   p95 {p95:7.1f}   p99 {p99:7.1f}")
        if reasons == "none":
            plain = median
    if labels.ndim > 1:  # paths, which MLPClassifier does not answer
        return
    usual, _, _ = quartiles(usual_pipeline(live, simulated, labels), max(repeats // 20, 20))
    print(f"{live.name:>8} the usual one-row DataFrame pipeline: median {usual:.0f} us, {usual / plain:.0f}x")


def example_json(live: LiveModel) -> bytes:
    """The example row as it would arrive."""
    return json.dumps(live.table.example()).encode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=Path("var"))
    parser.add_argument("--repeats", type=int, default=2000)
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    home = Home(arguments.home)
    registry = Registry(home.database_url)
    champions = registry.champions()
    registry.close()
    if not champions:
        parser.error(f"no live model in {arguments.home}; run `backscore quickstart --once` first")
    for version in champions.values():
        measure(load_live(version, home.bundles), arguments.repeats)


if __name__ == "__main__":
    main()
