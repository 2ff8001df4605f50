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
from models.evaluation.metrics import auc_by_ranks, calibration_error, entropy, log_losses
from models.evaluation.row_groups import MIN_ROWS

MAX_SEGMENTS = 8
"""Number of segment columns besides the protected ones, which are always included."""


def segments(
    table: Table, frame: pd.DataFrame, labels: Labels, probabilities: Floats, effects: Mapping[str, float]
) -> tuple[Segment, ...]:
    """Segments of the test rows by each protected column, then by columns of the person, then categories and flags.

    Parameters
    ----------
    frame, labels, probabilities : checked test rows, their labels and predictions.
    effects : of the input columns; if there are too many columns, those with the largest effect are used.
    """
    found = []
    for column in _dividing_columns(table, frame, effects):
        groups = few_groups(column, frame[column.name])
        if len(groups) > 1:
            qualities = [_quality(name, labels[rows], probabilities[rows]) for name, rows in groups.items()]
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


def _quality(group: str, labels: Labels, probabilities: Floats) -> GroupQuality:
    both_classes = labels.min() < labels.max()
    observed, predicted = float(labels.mean()), float(probabilities.mean())
    loss = float(log_losses(labels, probabilities).mean()) if both_classes else None
    (low,), (high,) = (ends.tolist() for ends in wilson_interval(np.array([observed]), np.array([len(labels)])))
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
        calibration_error=calibration_error(labels, probabilities),
        log_loss=loss,
        normalised_entropy=None if loss is None else loss / entropy(observed),
        auc=auc_by_ranks(labels, probabilities) if both_classes else None,
    )
