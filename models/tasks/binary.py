"""Binary task: the probability of an event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from pydantic import StrictBool

from data.table import Table
from models.arrays import Floats, Labels
from models.contract import Summary, Task
from models.errors import OutcomeError
from models.evaluation.baselines import baselines
from models.evaluation.expected import expected
from models.evaluation.measures import measures
from models.evaluation.metric_tables import BINARY_METRICS
from models.evaluation.metrics import evaluate, log_losses

BOUNDS = (0.001, 0.003, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
"""Buckets of the histogram of probabilities; finer near 0, for rare events."""


SPELLED = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
"""Outcomes as spelled in files."""


def binary(probability: str) -> Task:
    """Task with a target of two values, predicted by the calibrated probability of one of them.

    Parameters
    ----------
    probability : the field of an answer that holds it.
    """

    def answered(answer: Mapping[str, Any]) -> float | None:
        return answer.get(probability)

    return Task(
        name="binary",
        prediction="probability",
        answered=answered,
        targets=Table.labels,
        outcome_type=StrictBool | Literal[0, 1],
        read_outcome=event_happened,
        target_of=lambda _table, outcome: int(outcome),
        evaluate=evaluate,
        metrics=BINARY_METRICS,
        loss="log-loss",
        losses=log_losses,
        bounded_loss="Brier score",
        bounded_losses=brier_losses,
        constant=lambda table, train, targets, predictions: np.full(
            len(predictions), float(np.average(targets, weights=table.row_weights(train)))
        ),
        baselines=baselines,
        measures=measures,
        expected=expected,
        summary=Summary(
            field=probability, title="Predicted probability", unit="share", bounds=BOUNDS, of=lambda found: found
        ),
        live_metrics=("auc", "log_loss", "brier"),
        charts=("roc", "precision_recall", "scores", "calibration"),
        is_binary=True,
    )


def event_happened(_table: Table, outcome: Any) -> bool:
    """Whether the event happened; OutcomeError for a value that does not say."""
    happened = SPELLED.get(str(outcome).strip().lower().removesuffix(".0"))
    if happened is None:
        raise OutcomeError("must be true or false")
    return happened


def brier_losses(labels: Labels, probabilities: Floats) -> Floats:
    """Squared error of each probability; a proper score: the true probability minimises its mean."""
    losses: Floats = np.square(probabilities - labels)
    return losses
