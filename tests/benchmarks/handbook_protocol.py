"""The protocol of the fraud detection handbook: its weeks, its 15 features, its figures, and the models it compares.

Y.-A. Le Borgne, W. Siblini, B. Lebichot, G. Bontempi, Reproducible Machine Learning for Credit Card Fraud Detection -
Practical Handbook, ULB, 2022: a week to train, a week until its labels are known, a week to test, without the cards
that are known as compromised by then.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from data.tables._catalogue import public_tables
from data.windows import checked_history
from models.decisions.alerts.subject_precision import HANDBOOK_K, subject_precision_at_k
from models.domains.fraud.scorer import FraudScorer
from models.presets import Preset
from tests.benchmarks.comparison import boosting_peers
from tests.benchmarks.unknown_cards import rows_of_unknown_cards

DAYS_OF_TRAINING, DAYS_OF_DELAY, DAYS_OF_TEST = 7, 7, 7
TABLE = public_tables()["handbook"].table
DAYS_BEFORE = 34
"""Days of history that the longest windows need before the first day of training: nearly all of 28 and 7."""
VALIDATION_FRACTION = 0.15
FIGURES = ("AUC", "average precision", f"card precision@{HANDBOOK_K}")

PEERS: dict[str, Callable[[int], Any]] = {
    "logistic regression": lambda _seed: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
    **boosting_peers(),
    "MLPClassifier(500)": lambda seed: make_pipeline(StandardScaler(), MLPClassifier((500,), random_state=seed)),
}


@dataclass(frozen=True, eq=False)
class History:
    """Transactions with our windows, the handbook's features, labels, days since the first, and the seconds it took."""

    frame: pd.DataFrame
    handbook: pd.DataFrame
    labels: np.ndarray
    days: np.ndarray
    seconds_windows: float
    seconds_handbook: float

    @classmethod
    def of(cls, rows: pd.DataFrame) -> History:
        """Check transactions as they come from a file and compute what models read."""
        started = time.perf_counter()
        frame, labels = checked_history(TABLE, rows, "the transactions")
        between = time.perf_counter()
        handbook = handbook_features(frame, labels)
        ended = time.perf_counter()
        midnights = frame["TX_DATETIME"].dt.normalize()
        days = (midnights - midnights.min()).dt.days.to_numpy()
        return cls(frame, handbook, labels, days, between - started, ended - between)

    @property
    def first_day(self) -> pd.Timestamp:
        """The day counted as 0."""
        first: pd.Timestamp = self.frame["TX_DATETIME"].min().normalize()
        return first

    def week(self, first_day: int) -> tuple[np.ndarray, np.ndarray]:
        """Positions of the training and the test rows, if training begins on this day."""
        cards = self.frame["CUSTOMER_ID"].to_numpy()
        unknown = rows_of_unknown_cards(
            cards, self.days, self.labels, first_day=first_day, label_delay_days=DAYS_OF_DELAY
        )
        test_day = first_day + DAYS_OF_TRAINING + DAYS_OF_DELAY
        training = (self.days >= first_day) & (self.days < first_day + DAYS_OF_TRAINING)
        test = (self.days >= test_day) & (self.days < test_day + DAYS_OF_TEST) & unknown
        return np.flatnonzero(training), np.flatnonzero(test)

    def weeks(self) -> list[int]:
        """First training days, a week apart, of all weeks that fit in: the last of them ends with the file."""
        last = int(self.days.max()) + 1 - DAYS_OF_TRAINING - DAYS_OF_DELAY - DAYS_OF_TEST
        return list(range(last, DAYS_BEFORE - 1, -7))[::-1]

    def figures(self, test: np.ndarray, scores: np.ndarray) -> tuple[float, float, float]:
        """AUC, average precision and card precision of the scores of test rows."""
        cards, labels = self.frame["CUSTOMER_ID"].to_numpy()[test], self.labels[test]
        precision = subject_precision_at_k(cards, self.days[test], scores, labels, HANDBOOK_K)
        return roc_auc_score(labels, scores), average_precision_score(labels, scores), precision


def fit_ours(history: History, training: np.ndarray, preset: Preset, seed: int) -> FraudScorer:
    """Our model of these rows."""
    labels = history.labels
    fit, held_out = train_test_split(
        training, test_size=VALIDATION_FRACTION, random_state=seed, stratify=labels[training]
    )
    scorer = FraudScorer(TABLE, preset, seed)
    validation = (history.frame.iloc[held_out], labels[held_out])
    return scorer.fit(history.frame.iloc[fit], labels[fit], validation=validation)


def log_odds_of(scorer: FraudScorer, frame: pd.DataFrame) -> np.ndarray:
    """The calibrated log-odds of rows."""
    return scorer.log_odds(scorer.encoder.transform(frame))


def handbook_features(frame: pd.DataFrame, labels: np.ndarray) -> pd.DataFrame:
    """The handbook's own 15: counts and means of a card include the transaction itself, gaps are 0."""
    times = frame["TX_DATETIME"].to_numpy("datetime64[s]").astype(np.int64)
    amounts = frame["TX_AMOUNT"].to_numpy(np.float64)
    features = {
        "TX_AMOUNT": amounts,
        "TX_DURING_WEEKEND": (frame["TX_DATETIME"].dt.weekday >= 5).to_numpy(float),
        "TX_DURING_NIGHT": (frame["TX_DATETIME"].dt.hour <= 6).to_numpy(float),
    }
    cards = _Sums(frame["CUSTOMER_ID"].to_numpy(), times, amounts)
    terminals = _Sums(frame["TERMINAL_ID"].to_numpy(), times, labels)
    delay = DAYS_OF_DELAY * 86_400
    for days in (1, 7, 30):
        count, total = cards.over(days * 86_400, 0)
        features[f"CUSTOMER_ID_NB_TX_{days}DAY_WINDOW"] = count + 1
        features[f"CUSTOMER_ID_AVG_AMOUNT_{days}DAY_WINDOW"] = (total + amounts) / (count + 1)
        count, frauds = terminals.over(days * 86_400, delay)
        features[f"TERMINAL_ID_NB_TX_{days}DAY_WINDOW"] = count
        features[f"TERMINAL_ID_RISK_{days}DAY_WINDOW"] = frauds / np.maximum(count, 1)
    return pd.DataFrame(features)


class _Sums:
    """Counts and sums of an entity's values over spans of time before each row."""

    def __init__(self, entities: np.ndarray, times: np.ndarray, values: np.ndarray) -> None:
        span = np.int64(1) << 40  # far more seconds than any history has: the keys of entities do not meet
        codes = np.unique(entities, return_inverse=True)[1] * span
        self._starts, self._keys = codes, codes + times - times.min()
        order = np.argsort(self._keys, kind="stable")
        self._sorted = self._keys[order]
        self._sums = np.concatenate([[0.0], np.cumsum(values[order])])

    def over(self, seconds: int, delay: int) -> tuple[np.ndarray, np.ndarray]:
        """Count and sum from `delay + seconds` before each row to `delay` before it."""
        first, last = (
            np.searchsorted(self._sorted, np.maximum(self._keys - before, self._starts))
            for before in (delay + seconds, delay)
        )
        return last - first, self._sums[last] - self._sums[first]
