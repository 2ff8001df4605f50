"""How fast the network trains beside MLPClassifier and PyTorch: same rows, architecture, batch size and optimizer.

    python tests/benchmarks/training_speed.py [--repeats 5]

One BLAS thread. Each repeat times one epoch of each contender in turn; what counts is the median of the ratios of a
repeat, because machines drift. "limit" is the time of the matrix products alone.
"""

from __future__ import annotations

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import argparse
import platform
import sys
import time
import warnings
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import sklearn
import torch
from sklearn.neural_network import MLPClassifier

sys.path.insert(0, str(Path(__file__).parents[2]))

from models.nn.losses import BINARY_LOG_LOSS
from models.nn.network import Network
from models.nn.optimizers import Adam
from models.nn.training import Rows, Training

N_ROWS, N_INPUTS = 24_000, 40
CASES = [((128, 64), 256), ((256, 256, 256), 256), ((16,), 32)]
LEARNING_RATE = 1e-3


def ours(X: np.ndarray, y: np.ndarray, hidden: tuple[int, ...], batch_size: int) -> Callable[[], object]:
    rng = np.random.default_rng(0)
    network = Network((N_INPUTS, *hidden, 1), rng=rng)
    training = Training(
        network,
        loss=BINARY_LOG_LOSS,
        optimizer=Adam(),
        learning_rate=LEARNING_RATE,
        rng=rng,
        batch_size=batch_size,
    )
    rows = Rows(X, y[:, None])
    return lambda: training.epochs(rows, n_epochs=1)


def pytorch(X: np.ndarray, y: np.ndarray, hidden: tuple[int, ...], batch_size: int) -> Callable[[], object]:
    torch.set_num_threads(1)
    layers: list[torch.nn.Module] = []
    for n_inputs, n_units in pairwise((N_INPUTS, *hidden)):
        layers += [torch.nn.Linear(n_inputs, n_units), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers, torch.nn.Linear(hidden[-1], 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, fused=True)
    loss_of = torch.nn.BCEWithLogitsLoss()
    inputs, targets = torch.from_numpy(X), torch.from_numpy(y[:, None])

    def epoch() -> None:
        order = torch.randperm(N_ROWS)
        for start in range(0, N_ROWS, batch_size):
            chosen = order[start : start + batch_size]
            optimizer.zero_grad()
            loss_of(model(inputs[chosen]), targets[chosen]).backward()
            optimizer.step()

    return epoch


def scikit_learn(X: np.ndarray, y: np.ndarray, hidden: tuple[int, ...], batch_size: int) -> Callable[[], object]:
    model = MLPClassifier(
        hidden, batch_size=batch_size, learning_rate_init=LEARNING_RATE, alpha=0.0, max_iter=1, warm_start=True
    )
    return lambda: model.fit(X, y)


def products(hidden: tuple[int, ...], batch_size: int) -> Callable[[], object]:
    """The matrix products of an epoch and nothing else."""
    arrays = [
        tuple(np.ones(shape, np.float32) for shape in ((batch_size, n), (n, m), (batch_size, m)))
        for n, m in pairwise((N_INPUTS, *hidden, 1))
    ]
    outs = [tuple(np.empty_like(a) for a in trio) for trio in arrays]

    def epoch() -> None:
        for _ in range(N_ROWS // batch_size):
            for i, ((x, w, g), (x_out, w_out, g_out)) in enumerate(zip(arrays, outs, strict=True)):
                np.matmul(x, w, out=g_out)
                np.matmul(x.T, g, out=w_out)
                if i:
                    np.matmul(g, w.T, out=x_out)

    return epoch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    warnings.filterwarnings("ignore")
    print(
        f"Python {platform.python_version()}, numpy {np.__version__}, scikit-learn {sklearn.__version__}, "
        f"torch {torch.__version__}, one BLAS thread, {N_ROWS:,} rows x {N_INPUTS}; medians of {repeats} repeats"
    )
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N_ROWS, N_INPUTS)).astype(np.float32)
    y = (X[:, 0] + rng.standard_normal(N_ROWS) > 0).astype(np.float32)
    for hidden, batch_size in CASES:
        contenders = {
            "ours": ours(X, y, hidden, batch_size),
            "PyTorch": pytorch(X, y, hidden, batch_size),
            "MLPClassifier": scikit_learn(X, y, hidden, batch_size),
            "limit": products(hidden, batch_size),
        }
        seconds: dict[str, list[float]] = {name: [] for name in contenders}
        for epoch in contenders.values():
            epoch()  # the first epoch allocates
        for _ in range(repeats):
            for name, epoch in contenders.items():
                started = time.perf_counter()
                epoch()
                seconds[name].append(time.perf_counter() - started)
        mine = np.array(seconds["ours"])
        ratio = {name: float(np.median(np.array(theirs) / mine)) for name, theirs in seconds.items()}
        print(
            f"hidden {'-'.join(map(str, hidden)):>11}, batch {batch_size:>3}: {np.median(mine):.3f} s an epoch; "
            f"{ratio['MLPClassifier']:.2f}x MLPClassifier, {ratio['PyTorch']:.2f}x PyTorch, "
            f"{1 / ratio['limit']:.2f}x of the matrix products"
        )


if __name__ == "__main__":
    main()
