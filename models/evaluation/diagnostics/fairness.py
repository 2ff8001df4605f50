"""Fairness of decisions between the groups of protected columns.

Selection is the favourable decision, refusal any other one. The event is the unfavourable outcome, so a true positive
is a refused row with the event, and a false positive a refused row without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from data.column import Column
from data.sentences import label
from data.table import Table
from models.arrays import Floats, Labels, Mask
from models.evaluation.diagnostics.groups import calibration_ratio, few_groups, protected_columns
from models.evaluation.diagnostics.results import ColumnFairness, Fairness, FourFifths, GroupTreatment, ImpactRatio
from models.evaluation.row_groups import MIN_ROWS

FOUR_FIFTHS = 0.8
"""Impact ratio below which a group counts as adversely impacted (Uniform Guidelines on Employee Selection Procedures,
29 CFR 1607.4 D, 1978)."""
_Z = 1.959964  # two-sided 95 %


def fairness(
    table: Table,
    frame: pd.DataFrame,
    labels: Labels,
    probabilities: Floats,
    *,
    decisions: Sequence[str],
    favourable: str,
) -> Fairness | None:
    """Fairness metrics of each group of each protected column; None if no column is protected.

    Parameters
    ----------
    frame, labels, probabilities, decisions : of the test rows.
    """
    if not (columns := protected_columns(table, frame)):
        return None
    selected = np.array(decisions) == favourable
    treated = [_column_fairness(column, frame[column.name], labels, probabilities, selected) for column in columns]
    return Fairness(favourable=favourable, columns=tuple(treated))


def impact_ratio(n_selected: int, n_rows: int, n_selected_reference: int, n_rows_reference: int) -> ImpactRatio | None:
    """Adverse-impact ratio, with the 95 % interval of the log-ratio by the delta method (Katz et al. 1978).

    The log of the ratio p / r has variance of about (1 - p) / (n p) + (1 - r) / (m r). If all or none of a group are
    selected, this is undefined; half a row is then added to each count (Walter 1975), for the interval only. Choosing
    the reference for its high rate biases ratios slightly downwards.

    Returns
    -------
    None if no row of the reference group is selected.
    """
    if n_selected_reference == 0:
        return None
    ratio = (n_selected / n_rows) / (n_selected_reference / n_rows_reference)
    counts = np.array([[n_selected, n_rows], [n_selected_reference, n_rows_reference]], np.float64)
    if np.any((counts[:, 0] == 0) | (counts[:, 0] == counts[:, 1])):
        counts += [[0.5, 1.0], [0.5, 1.0]]
    rates = counts[:, 0] / counts[:, 1]
    deviation = float(np.sqrt(np.sum((1 - rates) / counts[:, 0])))
    middle = float(np.log(rates[0] / rates[1]))
    low, high = min(np.exp(middle - _Z * deviation), ratio), max(np.exp(middle + _Z * deviation), ratio)
    return ImpactRatio(ratio=ratio, low=low, high=high, four_fifths=_four_fifths(low, high))


def _four_fifths(low: float, high: float) -> FourFifths:
    if high < FOUR_FIFTHS:
        return "below"
    return "may be below" if low < FOUR_FIFTHS else "not below"


def _column_fairness(
    column: Column, values: pd.Series[Any], labels: Labels, probabilities: Floats, selected: Mask
) -> ColumnFairness:
    groups = few_groups(column, values)
    enough = {name: rows for name, rows in groups.items() if rows.sum() >= MIN_ROWS}
    reference = max(enough, key=lambda name: float(selected[enough[name]].mean()), default=None)
    treatments = []
    for name, rows in groups.items():
        impact = None
        if reference is not None and name in enough and name != reference:
            others = groups[reference]
            impact = impact_ratio(
                int(selected[rows].sum()), int(rows.sum()), int(selected[others].sum()), int(others.sum())
            )
        treatments.append(_treatment(name, labels[rows], probabilities[rows], selected[rows], impact))
    return ColumnFairness(column=column.name, label=label(column), reference_group=reference, groups=tuple(treatments))


def _treatment(
    group: str, labels: Labels, probabilities: Floats, selected: Mask, impact: ImpactRatio | None
) -> GroupTreatment:
    observed, predicted = float(labels.mean()), float(probabilities.mean())
    return GroupTreatment(
        group=group,
        n_rows=len(labels),
        too_few=len(labels) < MIN_ROWS,
        selection_rate=float(selected.mean()),
        event_refused_rate=_share(~selected[labels == 1]),
        no_event_refused_rate=_share(~selected[labels == 0]),
        observed_rate=observed,
        mean_predicted=predicted,
        calibration_ratio=calibration_ratio(observed, predicted),
        impact=impact,
    )


def _share(refused: Mask) -> float | None:
    return float(refused.mean()) if len(refused) else None
