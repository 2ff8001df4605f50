"""Levels that training never saw: the mean probability of their rows over the share of them with the event.

    python tests/benchmarks/statistics_unseen_levels.py [--preset balanced] [--seeds 6] [--small]

For columns of 50 levels with 200 rows each (and 100 x 100, 40 x 300, 400 x 25), with equal and with uneven counts,
trains on rows whose log-odds depend on the level and on a number, and predicts rows of 200 levels from the same
population that training never saw. Exit code 1 unless every ratio is within 0.7 to 1.4, which is about what the draw of
the trained levels explains. Also says the AUC on fresh rows of the trained levels. One BLAS thread; a minute or two.
"""

from __future__ import annotations

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.metrics import roc_auc_score

sys.path.insert(0, str(Path(__file__).parents[2]))

from data.column import Column
from data.splits import random_split
from data.table import Table
from models.arrays import Floats, Labels
from models.estimators.table_classifier import TableClassifier
from models.presets import PRESETS

SHAPES = ((50, 200), (100, 100), (40, 300), (400, 25))
N_NEW_LEVELS, ROWS_OF_NEW = 200, 50
LOW, HIGH = 0.7, 1.4
TABLE = Table(
    name="orders",
    columns=(
        Column(name="shop", kind="category"),
        Column(name="amount", kind="number"),
        Column(name="late", kind="flag", role="target"),
    ),
)


def drawn(effects: Floats, shops: np.ndarray, first: int, rng: np.random.Generator) -> tuple[pd.DataFrame, Labels]:
    """Rows of these shops, named from `first` on, and whether each was late."""
    amount = rng.normal(size=len(shops))
    late = rng.random(len(shops)) < expit(effects[shops] + 0.5 * amount - 2)
    return pd.DataFrame({"shop": [f"s{first + shop}" for shop in shops], "amount": amount}), late.astype(np.int64)


def shops_of(n_levels: int, n_rows: int, *, uneven: bool, rng: np.random.Generator) -> np.ndarray:
    """The shop of each of `n_levels * n_rows` rows; uneven counts are log-normal, with at least two rows each."""
    if not uneven:
        return np.repeat(np.arange(n_levels), n_rows)
    shares = rng.lognormal(0, 1, n_levels)
    counts = np.maximum(np.round(n_levels * n_rows * shares / shares.sum()), 2).astype(int)
    return np.repeat(np.arange(n_levels), counts)


def ratio_and_auc(
    n_levels: int, n_rows: int, *, uneven: bool, preset: str, seed: int, spread: float = 0.8
) -> tuple[float, float]:
    """Mean predicted over mean observed on unseen levels, and the AUC on fresh rows of the trained ones."""
    rng = np.random.default_rng(seed)
    effects, new_effects = rng.normal(0, spread, n_levels), rng.normal(0, spread, N_NEW_LEVELS)
    shops = shops_of(n_levels, n_rows, uneven=uneven, rng=rng)
    frame, labels = drawn(effects, shops, 0, rng)
    train, validation = random_split(labels, test_fraction=0.15, seed=seed)
    scorer = TableClassifier(TABLE, PRESETS[preset], seed)
    scorer.fit(frame.iloc[train], labels[train], validation=(frame.iloc[validation], labels[validation]))
    new, new_labels = drawn(new_effects, np.repeat(np.arange(N_NEW_LEVELS), ROWS_OF_NEW), n_levels, rng)
    known, known_labels = drawn(effects, rng.choice(shops, 10_000), 0, rng)
    ratio = float(scorer.probabilities(new).mean() / new_labels.mean())
    return ratio, float(roc_auc_score(known_labels, scorer.probabilities(known)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=list(PRESETS), default="balanced")
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--small", action="store_true", help="one shape and seed, in seconds")
    options = parser.parse_args()
    shapes, n_seeds = (((50, 200),), 1) if options.small else (SHAPES, options.seeds)
    outside = 0
    for n_levels, n_rows in shapes:
        for uneven in (False, True):
            found = [
                ratio_and_auc(n_levels, n_rows, uneven=uneven, preset=options.preset, seed=seed)
                for seed in range(n_seeds)
            ]
            ratios, aucs = zip(*found, strict=True)
            outside += sum(not LOW <= ratio <= HIGH for ratio in ratios)
            counts = "uneven" if uneven else "equal"
            shown = " ".join(f"{ratio:.2f}" for ratio in ratios)
            print(f"{n_levels} levels x {n_rows} rows, {counts}: {shown}; AUC of known levels {np.mean(aucs):.4f}")
    print(f"{outside} of {len(shapes) * 2 * n_seeds} ratios outside {LOW} to {HIGH}")
    return 1 if outside else 0


if __name__ == "__main__":
    sys.exit(main())
