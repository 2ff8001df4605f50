"""Multiclass task: the probability of each level of a category with three levels or more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import StrictStr
from sklearn.metrics import roc_auc_score

from data.column import level_text
from data.errors import TableError
from data.table import Table
from models.arrays import Floats
from models.contract import Summary, Targets, Task
from models.errors import OutcomeError
from models.evaluation.baselines import baselines
from models.evaluation.measures import ExpectedRows, RowMeasures, row_measures
from models.evaluation.metric_tables import CLASS_METRICS
from models.evaluation.metrics import Contender

MIN_PROBABILITY = 1e-7
"""Clipping as in `models.evaluation.metrics`: the loss of a confident error stays finite."""
BOUNDS = tuple(round(0.05 * step, 2) for step in range(1, 21))


def classes(*, probabilities: str, probability: str) -> Task:
    """Task with a target of three listed levels or more, predicted by a calibrated probability of each.

    Parameters
    ----------
    probabilities : the answer field with the probability of each level, in the target's order.
    probability : the answer field with the largest of them.
    """

    def answered(answer: Mapping[str, Any]) -> list[float] | None:
        found = answer.get(probabilities)
        return None if found is None else list(found.values())

    return Task(
        name="classes",
        prediction="probabilities",
        answered=answered,
        targets=class_targets,
        outcome_type=StrictStr,
        read_outcome=known_level,
        target_of=level_number,
        evaluate=evaluate_classes,
        metrics=CLASS_METRICS,
        loss="log-loss",
        losses=class_log_losses,
        bounded_loss="Brier score",
        bounded_losses=class_brier_losses,
        constant=lambda table, train, targets, predictions: level_shares(
            table, targets, table.row_weights(train), len(predictions)
        ),
        baselines=class_baselines,
        measures=class_measures,
        expected=expected_classes,
        live_metrics=("accuracy", "log_loss", "brier"),
        summary=Summary(
            field=probability,
            title="Probability of the most probable level",
            unit="share",
            bounds=BOUNDS,
            of=lambda found: found.max(axis=1),
        ),
        charts=("confusion", "confidence"),
    )


def class_targets(table: Table, frame: pd.DataFrame) -> npt.NDArray[np.int64]:
    """The position of each row's level among the target's levels."""
    target = table.target
    if target.kind != "category" or target.positive is not None or len(target.levels) < 3:
        raise TableError(
            f"column {target.name!r}: the target must be a category with at least three `levels` listed and without "
            f"`positive`; it is a {target.kind} with {len(target.levels)}"
        )
    if directed := [column.name for column in table.inputs if column.direction]:
        raise TableError(
            f"column {directed[0]!r}: `direction` is not supported for a target with several levels; remove it"
        )
    numbers = {level: number for number, level in enumerate(target.levels)}
    return frame[target.name].map(lambda level: numbers[level_text(level)]).to_numpy(np.int64)


def known_level(table: Table, outcome: Any) -> str:
    """A level of the target, as text."""
    level = table.target.level_of(outcome)
    if isinstance(outcome, bool) or level not in table.target.levels:
        raise OutcomeError(f"must be one of {', '.join(map(repr, table.target.levels))}")
    return level


def level_number(table: Table, outcome: str) -> int:
    """The position of a level of the target."""
    return table.target.levels.index(outcome)


def evaluate_classes(targets: Targets, probabilities: Floats, weights: Floats | None = None) -> dict[str, float]:
    """The metrics of `CLASS_METRICS`, and the number of rows; `weights` of shape (n_rows,)."""

    def mean(of_rows: npt.NDArray[Any]) -> float:
        return float(np.average(of_rows, weights=weights))

    n_levels = probabilities.shape[1]
    one_hot = np.eye(n_levels)[targets]
    seen = [level for level in range(n_levels) if 0 < one_hot[:, level].sum() < len(targets)]
    return {
        "accuracy": mean(probabilities.argmax(axis=1) == targets),
        "auc": float(np.mean([roc_auc_score(one_hot[:, i], probabilities[:, i], sample_weight=weights) for i in seen])),
        "log_loss": mean(class_log_losses(targets, probabilities)),
        "brier": mean(class_brier_losses(targets, probabilities)),
        "n_rows": float(len(targets)),
    }


def class_log_losses(targets: Targets, probabilities: Floats) -> Floats:
    """Log-loss of each row, in nats."""
    of_happened = probabilities[np.arange(len(targets)), targets.astype(np.intp)]
    losses: Floats = -np.log(np.clip(of_happened, MIN_PROBABILITY, 1))
    return losses


def class_brier_losses(targets: Targets, probabilities: Floats) -> Floats:
    """Brier score of each row: half the squared distance from the one-hot outcome, 0..1."""
    if not len(targets):
        return np.zeros(0)
    happened = np.zeros_like(probabilities)
    happened[np.arange(len(targets)), targets.astype(np.intp)] = 1
    losses: Floats = np.square(probabilities - happened).sum(axis=1) / 2
    return losses


def level_shares(table: Table, targets: Targets, weights: Floats | None, n_rows: int) -> Floats:
    """The share of each level among the targets, as the prediction of every row: shape (n_rows, n_levels)."""
    return np.tile(np.bincount(targets, weights, minlength=len(table.target.levels)) / len(targets), (n_rows, 1))


def class_baselines(
    train: pd.DataFrame, targets: Targets, test: pd.DataFrame, test_targets: Targets, *, table: Table, seed: int
) -> dict[str, Contender]:
    """Class frequencies of the training rows, logistic regression and gradient boosting."""
    constant = level_shares(table, targets, table.row_weights(train), len(test))
    shares = constant[0]

    def all_levels(found: Floats) -> Floats:
        spread = np.zeros((len(found), len(shares)))
        spread[:, np.flatnonzero(shares)] = found
        return spread

    usual = baselines(
        train, targets, test, test_targets, table=table, seed=seed, evaluate=evaluate_classes, read=all_levels
    )
    metrics = evaluate_classes(test_targets, constant, table.row_weights(test))
    return {"shares of the levels": Contender(constant, metrics, 0.0), **usual}


def class_measures(probabilities: Floats, targets: Targets) -> RowMeasures:
    """Accuracy, log-loss and Brier score of recorded predictions, with intervals."""
    targets = targets.astype(np.intp)
    if not len(targets):
        return row_measures(0, accuracy=np.zeros(0), log_loss=np.zeros(0), brier=np.zeros(0))
    return row_measures(
        len(targets),
        accuracy=(probabilities.argmax(axis=1) == targets).astype(np.float64),
        log_loss=class_log_losses(targets, probabilities),
        brier=class_brier_losses(targets, probabilities),
    )


def expected_classes(probabilities: Floats, *, seed: int = 0) -> ExpectedRows:
    """Expected performance if calibrated: accuracy is the mean top probability, log-loss the mean entropy."""
    del seed  # deterministic
    if not len(probabilities):
        probabilities = np.zeros((0, 1))
    clipped = np.clip(probabilities, MIN_PROBABILITY, 1)
    found = row_measures(
        len(probabilities),
        accuracy=probabilities.max(axis=1, initial=0),
        log_loss=-(probabilities * np.log(clipped)).sum(axis=1),
        brier=(1 - np.square(probabilities).sum(axis=1)) / 2,
    )
    return ExpectedRows(**dict(found))
