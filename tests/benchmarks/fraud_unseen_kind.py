"""A kind of fraud that training did not see: how much of it the alert budget finds, with and without the anomaly.

    BACKSCORE_DATA_HOME=DIR python tests/benchmarks/fraud_unseen_kind.py [--tasks handbook,simulated] [--seeds 2]
        [--rows 100000]

The rows of one kind are taken out of training; the test holds all kinds. Each day the budget goes to the cards with the
highest scores of their transactions. Recall is the share of the days of cards with fraud of a kind that are among them:
of the kind that was taken out, and of the kinds that training saw. `handbook`: its protocol and its 100 cards a day.
There the windows either know the frauds of the kind once they are 7 days old, while the model has not been trained
again (`late`), or never (`blind`). `simulated`: --rows of the simulator, the last fifth is the test, its rows without a
word of the kind in training; the budget is 1 % of a day's cards.

    classifier    the network without the anomaly
    with input    the network that reads the anomaly
    anomaly       the autoencoder alone
    either        the network with input and the anomaly take turns: the same budget, the best of each
"""

from __future__ import annotations

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import argparse
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

sys.path.insert(0, str(Path(__file__).parents[2]))

from data.checking import checked_frame
from data.simulators import fraud as simulator
from data.table import Table
from data.tables._catalogue import load_public, public_tables
from data.windows import with_windows
from models.decisions.alerts.subject_precision import HANDBOOK_K
from models.domains.fraud.scorer import FraudScorer
from models.estimators.table_classifier import TableClassifier
from models.presets import PRESETS, Preset
from tests.benchmarks.comparison import VALIDATION_FRACTION, setting
from tests.benchmarks.unknown_cards import rows_of_unknown_cards

DELAY_DAYS = 7


@dataclass(frozen=True, eq=False)
class Experiment:
    """Rows of which one kind of fraud is not to be seen in training.

    Parameters
    ----------
    kinds : of each row, "" for none. cards, days : of each row.
    training, test : positions; training still holds the unseen kind.
    budget : cards a day.
    """

    name: str
    table: Table
    frame: pd.DataFrame
    kinds: np.ndarray
    unseen: str
    cards: np.ndarray
    days: np.ndarray
    training: np.ndarray
    test: np.ndarray
    budget: int


def handbook_experiments(first_day: str) -> Iterator[Experiment]:
    """Each of the three kinds left out of training, with windows that know it late and with windows that never do."""
    home = os.environ.get("BACKSCORE_DATA_HOME")
    _, rows = load_public("handbook", Path(home) if home else None, Path(tempfile.gettempdir()))
    table = public_tables()["handbook"].table
    checked = checked_frame(table, rows, "handbook", training=True)
    labels, kinds = table.labels(checked), rows["TX_FRAUD_SCENARIO"].astype(str).to_numpy()
    kinds = np.where(labels == 1, kinds, "")
    midnights, cards = checked["TX_DATETIME"].dt.normalize(), checked["CUSTOMER_ID"].to_numpy()
    days = (midnights - pd.Timestamp(first_day)).dt.days.to_numpy()
    unknown = rows_of_unknown_cards(cards, days, labels, first_day=0, label_delay_days=DELAY_DAYS)
    training = np.flatnonzero((days >= 0) & (days < 7))
    test = np.flatnonzero((days >= 14) & (days < 21) & unknown)
    for unseen in ("1", "2", "3"):
        for windows, known in (("late", labels), ("blind", labels * (kinds != unseen))):
            frame = with_windows(table, checked, known)
            name = f"handbook, {windows}"
            yield Experiment(name, table, frame, kinds, unseen, cards, days, training, test, budget=HANDBOOK_K)


def simulated_experiments(n_rows: int, seed: int) -> Iterator[Experiment]:
    """Each kind of the simulator left out; windows count the frauds of all kinds once they are known."""
    table = simulator.TABLE
    simulation = simulator.simulate(n_rows, seed)
    checked = checked_frame(table, simulation.frame, "simulated rows", training=True)
    labels = table.labels(checked)
    kinds = np.where(labels == 1, simulation.frame["fraud_kind"].astype(str).to_numpy(), "")
    midnights, cards = checked["time"].dt.normalize(), checked["customer_id"].to_numpy()
    days = (midnights - midnights.min()).dt.days.to_numpy()
    first_test_day = int(np.quantile(days, 0.8))
    training, test = np.flatnonzero(days < first_test_day - DELAY_DAYS), np.flatnonzero(days >= first_test_day)
    cards_a_day = pd.Series(cards[test]).groupby(days[test]).nunique().mean()
    frame = with_windows(table, checked, labels)
    for unseen in (kind.name for kind in simulator.KINDS[1:]):
        budget = max(round(0.01 * cards_a_day), 1)
        yield Experiment("simulated", table, frame, kinds, unseen, cards, days, training, test, budget)


def scores(experiment: Experiment, preset: Preset, seed: int) -> dict[str, list[np.ndarray]]:
    """For each way to spend the budget the scores of the test rows that take turns."""
    labels = (experiment.kinds != "").astype(np.int64)
    rows = experiment.training[experiment.kinds[experiment.training] != experiment.unseen]
    fit, held_out = train_test_split(rows, test_size=VALIDATION_FRACTION, random_state=seed, stratify=labels[rows])
    frame = experiment.frame
    validation = (frame.iloc[held_out], labels[held_out])
    alone, both = (
        kind(experiment.table, preset, seed).fit(frame.iloc[fit], labels[fit], validation=validation)
        for kind in (TableClassifier, FraudScorer)
    )
    assert isinstance(both, FraudScorer)
    X = both.encoder.transform(frame.iloc[experiment.test])
    of_both, anomaly = both.log_odds(X), both.anomaly.errors(X)
    classifier = alone.log_odds(alone.encoder.transform(frame.iloc[experiment.test]))
    return {"classifier": [classifier], "with input": [of_both], "anomaly": [anomaly], "either": [of_both, anomaly]}


def recalls(experiment: Experiment, taking_turns: list[np.ndarray]) -> tuple[float, float]:
    """Share of the card-days with fraud of the unseen kind, and of all others, that the budget reaches."""
    test = experiment.test
    rows = pd.DataFrame({"card": experiment.cards[test], "day": experiment.days[test]})
    rows["unseen"] = experiment.kinds[test] == experiment.unseen
    rows["seen"] = (experiment.kinds[test] != "") & ~rows["unseen"]
    for turn, of_turn in enumerate(taking_turns):
        rows[f"score {turn}"] = of_turn
    found = total = np.zeros(2)
    for _, cards in rows.groupby(["day", "card"]).max().groupby("day"):
        places = [cards[f"score {turn}"].rank(ascending=False, method="first") for turn in range(len(taking_turns))]
        alerted = np.argsort(np.min(places, axis=0), kind="stable")[: experiment.budget]
        with_fraud = cards[["unseen", "seen"]].to_numpy()
        found, total = found + with_fraud[alerted].sum(axis=0), total + with_fraud.sum(axis=0)
    unseen, seen = found / total
    return unseen, seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", default="handbook,simulated")
    parser.add_argument("--first-day", default="2018-07-11", help="of training on the handbook")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--preset", choices=list(PRESETS), default="balanced")
    parser.add_argument("--rows", type=int, default=100_000, help="of the simulator")
    arguments = parser.parse_args()
    print(setting())
    found: list[dict[str, Any]] = []
    for task in arguments.tasks.split(","):
        for seed in range(arguments.seeds):
            for experiment in (
                handbook_experiments(arguments.first_day)
                if task == "handbook"
                else simulated_experiments(arguments.rows, seed)
            ):
                for way, taking_turns in scores(experiment, PRESETS[arguments.preset], seed).items():
                    unseen, seen = recalls(experiment, taking_turns)
                    found.append({"task": experiment.name, "unseen kind": experiment.unseen, "way": way})
                    found[-1] |= {"recall unseen": unseen, "recall seen": seen}
                    print(*found[-1].values(), flush=True)
    keys = ["task", "unseen kind", "way"]
    print(f"\nmeans over {arguments.seeds} seeds\n{pd.DataFrame(found).groupby(keys, sort=False).mean().round(3)}")


if __name__ == "__main__":
    main()
