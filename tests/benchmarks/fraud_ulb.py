"""Fraud on the sample of the ULB card transactions: the classifier at the true base rate, and the autoencoder alone.

    BACKSCORE_DATA_HOME=DIR python tests/benchmarks/fraud_ulb.py [--seeds 5] [--preset balanced]

The file holds all frauds and 5,000 of 284,315 genuine transactions, so the average precision of the supervised models
is re-weighted: each genuine row counts 56.863 times. Outlier detectors learn from the genuine training rows alone, and
no label reaches them: ours reads the encoder's codes without bins that follow the target; `ours, in the model` is the
anomaly of the trained model, whose encoder has seen labels. Test rows are a fifth, stratified, drawn by the seed.
"""

from __future__ import annotations

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import argparse
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import LocalOutlierFactor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

sys.path.insert(0, str(Path(__file__).parents[2]))

from data.checking import checked_frame
from data.tables._catalogue import load_public, public_tables
from models.domains.fraud.anomaly import Anomaly
from models.domains.fraud.scorer import FraudScorer
from models.encoding import TableEncoder
from models.presets import PRESETS, Preset
from tests.benchmarks.comparison import TEST_FRACTION, VALIDATION_FRACTION, boosting_peers, setting

TABLE = public_tables()["ulb"].table
GENUINE_WEIGHT = 284_315 / 5_000
SUPERVISED: dict[str, Callable[[int], Any]] = {
    "logistic regression": lambda _seed: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
    **boosting_peers(),
    "MLPClassifier(128, 64)": lambda seed: make_pipeline(
        StandardScaler(), MLPClassifier((128, 64), early_stopping=True, random_state=seed)
    ),
}
DETECTORS: dict[str, Callable[[int], Any]] = {
    "IsolationForest": lambda seed: IsolationForest(n_estimators=200, random_state=seed),
    "LocalOutlierFactor": lambda _seed: LocalOutlierFactor(novelty=True),
}


def scores_of_models(
    frame: pd.DataFrame, labels: np.ndarray, rest: np.ndarray, test: np.ndarray, preset: Preset, seed: int
) -> Iterator[tuple[str, str, np.ndarray]]:
    """Kind and name of each model, and its scores of the test rows."""
    fit, held_out = train_test_split(rest, test_size=VALIDATION_FRACTION, random_state=seed, stratify=labels[rest])
    ours = FraudScorer(TABLE, preset, seed)
    ours.fit(frame.iloc[fit], labels[fit], validation=(frame.iloc[held_out], labels[held_out]))
    X = ours.encoder.transform(frame.iloc[test])
    yield "supervised", f"ours ({preset.name})", ours.log_odds(X)
    numbers = frame[[column.name for column in TABLE.of_role("feature")]]
    for name, make in SUPERVISED.items():
        model = make(seed).fit(numbers.iloc[rest], labels[rest])
        yield "supervised", name, model.predict_proba(numbers.iloc[test])[:, 1]
    genuine = rest[labels[rest] == 0]
    yield "detector", "ours", errors_without_labels(frame, genuine, test, preset, seed)
    yield "detector", "ours, in the model", ours.anomaly.errors(X)
    for name, make in DETECTORS.items():
        detector = make_pipeline(StandardScaler(), make(seed)).fit(numbers.iloc[genuine])
        yield "detector", name, -detector.score_samples(numbers.iloc[test])


def errors_without_labels(
    frame: pd.DataFrame, genuine: np.ndarray, test: np.ndarray, preset: Preset, seed: int
) -> np.ndarray:
    """The autoencoder's error of the test rows; encoder and autoencoder see genuine rows alone."""
    encoder = TableEncoder(TABLE, **preset.encoder)
    X = encoder.fit_transform(frame.iloc[genuine])
    anomaly = Anomaly(preset, seed)
    anomaly.fit(X, np.zeros(len(X), np.int64), n_train=len(X), directions=encoder.directions_)
    return anomaly.errors(encoder.transform(frame.iloc[test]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--preset", choices=list(PRESETS), default="balanced")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    home = os.environ.get("BACKSCORE_DATA_HOME")
    _, rows = load_public("ulb", Path(home) if home else None, Path(tempfile.gettempdir()))
    frame = checked_frame(TABLE, rows, "ulb", training=True)
    labels = TABLE.labels(frame)
    weights = np.where(labels == 0, GENUINE_WEIGHT, 1.0)
    print(setting())
    found = []
    for seed in range(arguments.seeds):
        rest, test = train_test_split(
            np.arange(len(labels)), test_size=TEST_FRACTION, random_state=seed, stratify=labels
        )
        for kind, name, scores in scores_of_models(frame, labels, rest, test, PRESETS[arguments.preset], seed):
            auc = roc_auc_score(labels[test], scores)
            precision = average_precision_score(labels[test], scores, sample_weight=weights[test])
            found.append({"kind": kind, "model": name, "AUC": auc, "average precision, re-weighted": precision})
            print(seed, kind, name, f"{auc:.4f} {precision:.4f}", flush=True)
    means = pd.DataFrame(found).groupby(["kind", "model"], sort=False).agg(["mean", "min"])
    print(f"\nmean and least over {arguments.seeds} seeds\n{means.round(4).to_string()}")


if __name__ == "__main__":
    main()
