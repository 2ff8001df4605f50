"""Quality of the probabilities by segment."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from data.column import Column
from data.sentences import label
from data.table import Table
from models.arrays import Floats, Labels
from models.evaluation.diagnostics.groups import calibration_ratio, few_groups, protected_columns
from models.evaluation.diagnostics.results import GroupQuality, Segment
from models.evaluation.intervals import wilson_interval
from models.evaluation.metrics import auc_by_ranks, calibration_error, effective_rows_of_rate, entropy, log_losses
from models.evaluation.row_groups import MIN_ROWS

MAX_SEGMENTS = 8
"""Number of segment columns besides the protected ones, which are always included."""


def segments(
    table: Table,
    frame: pd.DataFrame,
    labels: Labels,
    probabilities: Floats,
    effects: Mapping[str, float],
    weights: Floats | None = None,
) -> tuple[Segment, ...]:
    """Segments of the test rows by each protected column, then by columns of the person, then categories and flags.

    Parameters
    ----------
    frame, labels, probabilities : checked test rows, their labels and predictions.
    effects : of the input columns; if there are too many columns, those with the largest effect are used.
    weights : of the test rows.
    """
    found = []
    for column in _dividing_columns(table, frame, effects):
        groups = few_groups(column, frame[column.name])
        if len(groups) > 1:
            qualities = [
                _quality(name, labels[rows], probabilities[rows], None if weights is None else weights[rows])
                for name, rows in groups.items()
            ]
            found.append(
                Segment(
                    column=column.name,
                    label=label(column),
                    protected=column.protected,
                    part=column.part,
                    groups=tuple(qualities),
                )
            )
    return tuple(found)


def _dividing_columns(table: Table, frame: pd.DataFrame, effects: Mapping[str, float]) -> list[Column]:
    others = [
        column
        for column in table.of_role("feature")
        if not column.protected
        and column.kind not in ("key", "time")
        and (column.part == "person" or column.kind in ("category", "flag"))
    ]
    others.sort(key=lambda column: (column.part != "person", -effects.get(column.name, 0.0)))
    return protected_columns(table, frame) + others[:MAX_SEGMENTS]


def _quality(group: str, labels: Labels, probabilities: Floats, weights: Floats | None) -> GroupQuality:
    if weights is not None and not weights.any():  # these rows count for nothing, so nothing can be off
        weights = None
    observed, predicted, loss = (
        float(np.average(of_rows, weights=weights))
        for of_rows in (labels, probabilities, log_losses(labels, probabilities))
    )
    both_classes = 0 < observed < 1
    low, high = _interval(observed, labels, weights)
    return GroupQuality(
        group=group,
        n_rows=len(labels),
        too_few=len(labels) < MIN_ROWS,
        observed_rate=observed,
        observed_low=low,
        observed_high=high,
        mean_predicted=predicted,
        within_chance=low <= predicted <= high,
        calibration_ratio=calibration_ratio(observed, predicted),
        calibration_error=calibration_error(labels, probabilities, weights),
        log_loss=loss if both_classes else None,
        normalised_entropy=loss / entropy(observed) if both_classes else None,
        auc=auc_by_ranks(labels, probabilities, weights) if both_classes else None,
    )


def _interval(rate: float, labels: Labels, weights: Floats | None) -> tuple[float, float]:
    """95 % interval of the observed rate."""
    squares = np.ones(len(labels)) if weights is None else weights**2
    total = float(len(labels) if weights is None else weights.sum())
    sums = (np.array([found]) for found in (rate, total, squares.sum(), squares[labels == 1].sum()))
    rates, *others = sums
    (low,), (high,) = (ends.tolist() for ends in wilson_interval(rates, effective_rows_of_rate(rates, *others)))
    return low, high
