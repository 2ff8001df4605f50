"""Stability: the population stability index of the score and each column between training and recent rows.

Used by the report for the test rows; drift of live requests is in `models.monitoring.drift`.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from data.column import Column
from data.sentences import label
from data.table import Table
from models.arrays import Floats
from models.evaluation.bins import Bins, counts_in
from models.evaluation.diagnostics.results import Reading, Shift, Stability
from models.evaluation.psi import SHIFTED_FROM, WATCH_FROM, psi_with_chance_level

N_BINS = 10


def stability(
    table: Table,
    training: pd.DataFrame,
    recent: pd.DataFrame,
    training_probabilities: Floats,
    recent_probabilities: Floats,
    *,
    score: str = "Predicted probability",
) -> Stability:
    """Compare the score and every input column of recent rows with those of training rows.

    Numbers and the score are binned into training deciles plus a bin for missing values; other columns are compared by
    level. IDs have too many levels and times always move, so both are left out.

    Parameters
    ----------
    training, recent : checked frames; the probabilities, or other scores, are of their rows.
    score : what the score is called.
    """
    scored = Column(name="", kind="number", description=score)
    columns = [column for column in table.of_role("feature") if column.kind not in ("key", "time", "numbers")]
    shifts = [_shift(column, training[column.name], recent[column.name]) for column in columns]
    return Stability(
        recent=_recent_in_words(table, training, recent),
        n_training_rows=len(training),
        n_recent_rows=len(recent),
        score=_shift(scored, pd.Series(training_probabilities), pd.Series(recent_probabilities)),
        columns=tuple(sorted(shifts, key=lambda shift: -shift.psi)),
        left_out=tuple(c.name for c in table.features if c not in columns),
    )


def _shift(column: Column, training: pd.Series[Any], recent: pd.Series[Any]) -> Shift:
    bins = Bins.of(column, training, n_bins=N_BINS)
    index, by_chance = psi_with_chance_level(*(counts_in(bins.codes(rows), bins.n_bins) for rows in (training, recent)))
    return Shift(
        column=column.name, label=label(column), psi=index, by_chance=by_chance, reading=_reading(index, by_chance)
    )


def _reading(index: float, by_chance: float) -> Reading:
    if index < WATCH_FROM:
        return "stable"
    if index <= by_chance:
        return "within chance"
    return "watch" if index < SHIFTED_FROM else "shifted"


def _recent_in_words(table: Table, training: pd.DataFrame, recent: pd.DataFrame) -> str:
    if table.time is not None and training[table.time.name].max() <= recent[table.time.name].min():
        return f"the test rows, which begin on {recent[table.time.name].min():%Y-%m-%d}, after the training rows"
    return "the test rows, drawn at random from the same rows as the training rows, so that only chance moves them"
