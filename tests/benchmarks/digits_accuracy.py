"""Accuracy on the digits that come along, beside scikit-learn's classifiers; unknown scribbles; the odd one out.

    python tests/benchmarks/digits_accuracy.py [--seeds 5] [--preset balanced] [--peers mlp,svc,boosting]
        [--scribbles 400] [--odd 500]

Each seed holds out a stratified fifth of the pictures as its test set. backscore trains on 85 % of the others and stops
and calibrates on the rest of them; peers train on all of them. One row for each contender and seed, then the means.

`told` is the share of made-up pictures that are at least as unusual as 99 % of known ones: scribbles of straight
strokes, known pictures turned by a quarter, inverted, or with their pixels shuffled, and blank ones. `auroc` is how
well the unusualness, and how well the largest probability, separates them from the test set.

`odd one out`: of nine test pictures, eight of one digit, the one farthest from the mean of the others, in the last
hidden layer and in the pixels.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

sys.path.insert(0, str(Path(__file__).parents[2]))

from data.simulators import digits
from models.domains.digits import DOMAIN
from models.estimators.picture_scorer import PictureScorer
from models.presets import PRESETS

PEERS: dict[str, Callable[[int], Any]] = {
    "mlp": lambda seed: make_pipeline(StandardScaler(), MLPClassifier((256, 64), max_iter=500, random_state=seed)),
    "svc": lambda seed: SVC(C=10, random_state=seed),
    "boosting": lambda seed: HistGradientBoostingClassifier(random_state=seed),
}
NAMES = [column.name for column in digits.TABLE.features]
USUAL = 99.0
N_PICTURES = 9


def scribbles(n: int, rng: np.random.Generator) -> np.ndarray:
    """Pictures of two to four straight strokes, shape (n, 64)."""
    found = []
    for _ in range(n):
        picture, start = np.zeros((8, 8)), rng.uniform(0, 7, 2)
        for _ in range(rng.integers(2, 5)):
            end = rng.uniform(0, 7, 2)
            for share in np.linspace(0, 1, 30):
                middle = start + (end - start) * share
                far = np.hypot(*(np.mgrid[:8, :8] - middle[:, None, None]))
                picture = np.maximum(picture, np.clip(1.3 - far, 0, 1) * digits.MAX_INK)
            start = end if rng.random() < 0.7 else rng.uniform(0, 7, 2)
        found.append(picture.round().ravel())
    return np.array(found)


def unknown(test: np.ndarray, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Pictures of no digit, by kind."""
    turned = np.rot90(test.reshape(-1, 8, 8), axes=(1, 2)).reshape(len(test), -1)
    return {
        "scribbles": scribbles(n, rng),
        "turned": turned,
        "inverted": digits.MAX_INK - test,
        "shuffled": np.array([rng.permutation(row) for row in test]),
        "blank": np.zeros((n, test.shape[1])),
    }


def farthest(vectors: np.ndarray) -> int:
    """The vector that is farthest from the mean of the others."""
    means = (vectors.sum(axis=0) - vectors) / (len(vectors) - 1)
    return int(np.linalg.norm(vectors - means, axis=1).argmax())


def odd_ones_found(model: PictureScorer, test: pd.DataFrame, targets: np.ndarray, n: int, seed: int) -> list[float]:
    """The share of drawings whose odd one is found in the hidden layer, and in the pixels."""
    rng, hits = np.random.default_rng(seed), np.zeros(2)
    hidden, pixels = model.hidden(model.encoder.transform(test)), test[NAMES].to_numpy(np.float64)
    for _ in range(n):
        usual, odd = rng.choice(10, 2, replace=False)
        drawn = rng.choice(np.flatnonzero(targets == usual), N_PICTURES - 1, replace=False)
        drawn = np.append(drawn, rng.choice(np.flatnonzero(targets == odd)))
        hits += [farthest(space[drawn]) == N_PICTURES - 1 for space in (hidden, pixels)]
    return (hits / n).tolist()


def trained(frame: pd.DataFrame, targets: np.ndarray, rows: np.ndarray, preset: Any, seed: int) -> PictureScorer:
    """The model of these rows."""
    fit, held_out = train_test_split(rows, test_size=0.15, random_state=seed, stratify=targets[rows])
    model = PictureScorer(digits.TABLE, PRESETS[preset], seed)
    return model.fit(frame.iloc[fit], targets[fit], validation=(frame.iloc[held_out], targets[held_out]))


def main() -> None:
    """Measure all contenders, then what the model makes of unknown pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=digits.N_PICTURES)
    parser.add_argument("--preset", choices=list(PRESETS), default="balanced")
    parser.add_argument("--peers", default=",".join(PEERS), help="names, separated by commas")
    parser.add_argument("--scribbles", type=int, default=400)
    parser.add_argument("--odd", type=int, default=500)
    arguments = parser.parse_args()
    frame = digits.simulate(arguments.rows, 0).frame
    targets, pixels = DOMAIN.task.targets(digits.TABLE, frame), frame[NAMES].to_numpy(np.float64)
    accuracies: dict[str, list[float]] = {}
    told: dict[str, list[list[float]]] = {}
    found: list[list[float]] = []

    def note(name: str, seed: int, probabilities: np.ndarray | None, hits: np.ndarray, seconds: float) -> None:
        accuracies.setdefault(name, []).append(float(hits.mean()))
        loss = "" if probabilities is None else f" log-loss {log_loss(truth, probabilities, labels=range(10)):.4f}"
        print(f"{name} seed {seed}: accuracy {hits.mean():.4f}{loss} seconds {seconds:.1f}", flush=True)

    for seed in range(arguments.seeds):
        rest, test = train_test_split(np.arange(len(frame)), test_size=0.2, random_state=seed, stratify=targets)
        truth, started = targets[test], time.perf_counter()
        model = trained(frame, targets, rest, arguments.preset, seed)
        seconds, scores = time.perf_counter() - started, model.frame_scores(frame.iloc[test])
        note("backscore", seed, scores["probabilities"], scores["probabilities"].argmax(axis=1) == truth, seconds)
        for name in filter(None, arguments.peers.split(",")):
            started, peer = time.perf_counter(), PEERS[name](seed)
            peer.fit(pixels[rest], targets[rest])
            probabilities = peer.predict_proba(pixels[test]) if hasattr(peer, "predict_proba") else None
            note(name, seed, probabilities, peer.predict(pixels[test]) == truth, time.perf_counter() - started)
        rng = np.random.default_rng(seed)
        told.setdefault("known", []).append([(scores["unusual"] >= USUAL).mean(), 0.5, 0.5])
        for kind, pictures in unknown(pixels[test], arguments.scribbles, rng).items():
            strange = model.frame_scores(pd.DataFrame(pictures, columns=NAMES))
            labels = np.repeat([0, 1], [len(test), len(pictures)])
            both = [np.concatenate([one["unusual"] for one in (scores, strange)])]
            both.append(-np.concatenate([one["probabilities"].max(axis=1) for one in (scores, strange)]))
            aurocs = [roc_auc_score(labels, values) for values in both]
            told.setdefault(kind, []).append([(strange["unusual"] >= USUAL).mean(), *aurocs])
        found.append(odd_ones_found(model, frame.iloc[test], truth, arguments.odd, seed))
    for name, values in accuracies.items():
        print(f"mean {name}: accuracy {np.mean(values):.4f} from {min(values):.4f} to {max(values):.4f}")
    for kind, rows in told.items():
        share, by_unusual, by_probability = np.mean(rows, axis=0)
        print(f"{kind}: told {share:.3f} auroc {by_unusual:.3f} by probability {by_probability:.3f}")
    hidden, plain = np.mean(found, axis=0)
    print(f"odd one out of {N_PICTURES}: hidden layer {hidden:.3f} pixels {plain:.3f}")


if __name__ == "__main__":
    main()
