"""Speed of training and prediction, compared with MLPClassifier and PyTorch on the same rows, batches and optimizer.

    python tests/benchmarks/speed.py [--repeats 5] [--rows 24000] [--most-rows 1000000] [--out DIR]

One BLAS thread. Each repeat times one epoch of each contender in turn (PyTorch if installed); what counts is the
median of the ratios of a repeat, because machines drift. "products" are the matrix products of an epoch alone, what no
implementation on this BLAS can go below. With --out, a table (speed.csv) and a plot (speed.html) are written there.
"""

from __future__ import annotations

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import argparse
import csv
import sys
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
from sklearn.neural_network import MLPClassifier

sys.path.insert(0, str(Path(__file__).parents[2]))

from models.estimators.classifier import BackpropClassifier
from models.nn.losses import BINARY_LOG_LOSS
from models.nn.network import Network
from models.nn.optimizers import Adam
from models.nn.rows import Rows
from models.nn.training import Training, compiled_kernels
from tests.benchmarks.comparison import setting

N_INPUTS = 40
CASES = [((128, 64), 256), ((256, 256, 256), 256), ((16,), 32)]
LEARNING_RATE = 1e-3

Run = Callable[[], object]


def ours(X: np.ndarray, y: np.ndarray, hidden: tuple[int, ...], batch_size: int, *, compiled: bool) -> Run:
    rng = np.random.default_rng(0)
    network = Network((N_INPUTS, *hidden, 1), rng=rng)
    training = Training(
        network,
        loss=BINARY_LOG_LOSS,
        optimizer=Adam(),
        learning_rate=LEARNING_RATE,
        rng=rng,
        batch_size=batch_size,
        compiled=compiled,
    )
    rows = Rows(X, y[:, None])
    return lambda: training.epochs(rows, n_epochs=1)


def pytorch(X: np.ndarray, y: np.ndarray, hidden: tuple[int, ...], batch_size: int, *, compiled: bool) -> Run:
    import torch

    torch.set_num_threads(1)
    layers: list[torch.nn.Module] = []
    for n_inputs, n_units in pairwise((N_INPUTS, *hidden)):
        layers += [torch.nn.Linear(n_inputs, n_units), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers, torch.nn.Linear(hidden[-1], 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, fused=True)
    loss_of_outputs = torch.nn.BCEWithLogitsLoss()
    inputs, targets = torch.from_numpy(X), torch.from_numpy(y[:, None])

    def loss_of(rows: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return loss_of_outputs(model(rows), labels)

    if compiled:
        loss_of = torch.compile(loss_of, dynamic=False)

    def epoch() -> None:
        order = torch.randperm(len(inputs))
        for start in range(0, len(inputs), batch_size):
            chosen = order[start : start + batch_size]
            optimizer.zero_grad()
            loss_of(inputs[chosen], targets[chosen]).backward()
            optimizer.step()

    return epoch


def scikit_learn(X: np.ndarray, y: np.ndarray, hidden: tuple[int, ...], batch_size: int) -> Run:
    model = MLPClassifier(
        hidden, batch_size=batch_size, learning_rate_init=LEARNING_RATE, alpha=0.0, max_iter=1, warm_start=True
    )
    return lambda: model.fit(X, y)


def products(n_rows: int, hidden: tuple[int, ...], batch_size: int) -> Run:
    """The matrix products of an epoch and nothing else."""
    arrays = [
        tuple(np.ones(shape, np.float32) for shape in ((batch_size, n), (n, m), (batch_size, m)))
        for n, m in pairwise((N_INPUTS, *hidden, 1))
    ]
    outs = [tuple(np.empty_like(a) for a in trio) for trio in arrays]

    def epoch() -> None:
        for _ in range(n_rows // batch_size):
            for i, ((x, w, g), (x_out, w_out, g_out)) in enumerate(zip(arrays, outs, strict=True)):
                np.dot(x, w, out=g_out)
                np.dot(x.T, g, out=w_out)
                if i:
                    np.dot(g, w.T, out=x_out)

    return epoch


def seconds_of(contenders: dict[str, Run], repeats: int) -> dict[str, np.ndarray]:
    """Seconds of each contender in each repeat, all of them in turn; those that cannot run are left out."""
    able = {}
    for name, run in contenders.items():
        try:
            run()  # the first run allocates and compiles
        except Exception as error:  # whatever a compiler may lack
            print(f"{name} does not run here: {type(error).__name__}: {str(error).splitlines()[0]}")
        else:
            able[name] = run
    seconds: dict[str, list[float]] = {name: [] for name in able}
    for _ in range(repeats):
        for name, run in able.items():
            started = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - started)
    return {name: np.array(values) for name, values in seconds.items()}


def training_table(X: np.ndarray, y: np.ndarray, best: str, repeats: int) -> list[list[object]]:
    table: list[list[object]] = []
    for hidden, batch_size in CASES:
        contenders = {
            "ours, numpy": ours(X, y, hidden, batch_size, compiled=False),
            "MLPClassifier": scikit_learn(X, y, hidden, batch_size),
            "products": products(len(X), hidden, batch_size),
        }
        if find_spec("torch"):
            contenders["PyTorch"] = pytorch(X, y, hidden, batch_size, compiled=False)
            contenders["torch.compile"] = pytorch(X, y, hidden, batch_size, compiled=True)
        if best == "ours, compiled":
            contenders = {best: ours(X, y, hidden, batch_size, compiled=True), **contenders}
        seconds = seconds_of(contenders, repeats)
        case = f"hidden {'-'.join(map(str, hidden))}, batch {batch_size}"
        print(f"\n{case}: an epoch of {len(X):,} rows")
        for name, values in seconds.items():
            ratios = [float(np.median(values / seconds[mine])) for mine in (best, "ours, numpy")]
            print(
                f"  {name:15} {np.median(values) * 1e3:8.1f} ms, {ratios[0]:6.2f}x the time of {best}"
                + (f", {ratios[1]:6.2f}x that of numpy" if best != "ours, numpy" else "")
            )
            table.append([f"epoch of {len(X):,} rows", case, name, f"{np.median(values):.6f}", f"{ratios[0]:.3f}"])
        limit = seconds["products"]
        for name in contenders:
            if name.startswith("ours"):
                print(f"  {name}: {np.median(seconds[name] / limit):.2f}x of the matrix products")
    return table


def growth_table(rng: np.random.Generator, best: str, most_rows: int, repeats: int) -> list[list[object]]:
    """The time of a row in an epoch, for more and more rows."""
    growth = [most_rows // 100, most_rows // 10, most_rows]
    X = rng.standard_normal((most_rows, N_INPUTS), dtype=np.float32)
    y = (X[:, 0] > 0).astype(np.float32)
    compiled = best == "ours, compiled"

    def epochs(n_rows: int) -> Run:
        """Enough epochs for a measurable time."""
        one = ours(X[:n_rows].copy(), y[:n_rows].copy(), (128, 64), 256, compiled=compiled)
        return lambda: [one() for _ in range(most_rows // 4 // n_rows or 1)]

    seconds = seconds_of({str(n_rows): epochs(n_rows) for n_rows in growth}, repeats)
    print("\nhidden 128-64, batch 256: microseconds for a row in an epoch")
    table: list[list[object]] = []
    per_row = {n_rows: seconds[str(n_rows)] / max(most_rows // 4 // n_rows, 1) / n_rows for n_rows in growth}
    for n_rows, values in per_row.items():
        ratio = float(np.median(values / per_row[growth[0]]))
        print(f"  {n_rows:>9,} rows: {np.median(values) * 1e6:.3f}, {ratio:.3f} times that of {growth[0]:,} rows")
        table.append(["a row in an epoch", f"{n_rows} rows", best, f"{np.median(values):.4g}", f"{ratio:.3f}"])
    return table


def prediction_table(rng: np.random.Generator, most_rows: int, repeats: int) -> list[list[object]]:
    X = rng.standard_normal((most_rows, N_INPUTS), dtype=np.float32)
    y = X[:, 0] > 0
    classifier = BackpropClassifier((128, 64), preset="fast", max_epochs=1, random_state=0).fit(X[:2000], y[:2000])
    network, one = classifier.network_, X[:1]
    runs: dict[str, tuple[Run, int]] = {  # and how often, for a measurable time
        f"Network.predict, {most_rows:,} rows": (lambda: network.predict(X), 1),
        f"predict_proba, {most_rows:,} rows": (lambda: classifier.predict_proba(X), 1),
        "Network.predict, one row": (lambda: network.predict(one), 2000),
        "predict_proba, one row": (lambda: classifier.predict_proba(one), 500),
    }
    print("\nprediction, 40 x 128-64 x 1")
    table: list[list[object]] = []
    for name, (run, times) in runs.items():
        values = seconds_of({name: lambda run=run, times=times: [run() for _ in range(times)]}, repeats)[name] / times
        median = float(np.median(values))
        said = f"{most_rows / median:,.0f} rows/s" if times == 1 else f"{median * 1e6:.1f} microseconds"
        print(f"  {name}: {said}")
        table.append(["prediction", name, "ours", f"{median:.4g}", ""])
    return table


def plot(table: list[list[object]], title: str) -> go.Figure:
    """Time of an epoch relative to our fastest path, for each contender."""
    epochs = [row for row in table if str(row[0]).startswith("epoch")]
    figure = go.Figure()
    for name in dict.fromkeys(row[2] for row in epochs):
        rows = [row for row in epochs if row[2] == name]
        ratios = [float(str(row[4])) for row in rows]
        figure.add_bar(name=str(name), x=[row[1] for row in rows], y=ratios, text=[f"{ratio:.2f}" for ratio in ratios])
    figure.update_layout(title={"text": title, "font": {"size": 12}}, yaxis_title="time of an epoch, ours = 1")
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--rows", type=int, default=24_000, help="of an epoch")
    parser.add_argument("--most-rows", type=int, default=1_000_000, help="to train on and to predict, at least 25600")
    parser.add_argument("--out", type=Path, help="folder for speed.csv and speed.html")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    best = "ours, compiled" if compiled_kernels() else "ours, numpy"
    print(f"{setting()}; medians of {arguments.repeats} repeats")
    rng = np.random.default_rng(0)
    X = rng.standard_normal((arguments.rows, N_INPUTS), dtype=np.float32)
    y = (X[:, 0] + rng.standard_normal(arguments.rows) > 0).astype(np.float32)
    table = training_table(X, y, best, arguments.repeats)
    table += growth_table(rng, best, arguments.most_rows, arguments.repeats)
    table += prediction_table(rng, arguments.most_rows, arguments.repeats)
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
        with (arguments.out / "speed.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["what", "case", "contender", "seconds", f"times {best} or the first row", "setting"])
            writer.writerows([*row, setting()] for row in table)
        plot(table, setting()).write_html(arguments.out / "speed.html", include_plotlyjs=True)


if __name__ == "__main__":
    main()
