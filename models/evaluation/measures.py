"""How good probabilities were, by known outcomes: measures with their intervals, and none where rows are too few."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from scipy.stats import rankdata

from models.arrays import Floats, Labels
from models.evaluation.intervals import wilson_interval

MIN_ROWS = 100
MIN_OF_EACH = 10
"""Of rows with and without the event; with fewer the AUC says more of them than of the model."""
N_GROUPS = 10
CLIP = 1e-15
Z = 1.959964  # 95 %


class Measure(BaseModel):
    """A measure and the ends of its 95 % interval; null where there are too few rows."""

    value: float | None
    low: float | None
    high: float | None


NOTHING = Measure(value=None, low=None, high=None)


class CalibrationGroup(BaseModel):
    """Rows with probabilities that are alike."""

    n_rows: int
    predicted: float = Field(ge=0, le=1, description="Their mean probability.")
    observed: float = Field(ge=0, le=1, description="Share of them with the event.")
    low: float = Field(ge=0, le=1, description="Lower end of that share's 95 % interval (Wilson).")
    high: float = Field(ge=0, le=1, description="Upper end.")


class Measures(BaseModel):
    """How good probabilities were."""

    n_rows: int = Field(description="Predictions that were judged.")
    event_rate: float | None = Field(description="Share of them with the event; null without any.")
    predicted_rate: float | None = Field(description="Mean of their probabilities.")
    auc: Measure = Field(description="Area under the ROC curve; interval by DeLong's variance.")
    log_loss: Measure
    brier: Measure
    calibration_error: float | None = Field(description="Expected calibration error over tenths of the rows.")
    calibration: list[CalibrationGroup] = Field(description="Tenths of the rows by probability.")


class RowMeasures(BaseModel):
    """How good predictions of any task were; beside the number of rows it has a field for each measure."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Measure]

    n_rows: int = Field(description="Predictions that were judged.")
    event_rate: None = Field(None, description="Null: rows have no event.")


class ExpectedRows(RowMeasures):
    """How good predictions of any task can be expected to be."""

    assumes: str = "What a row holds still means what it meant in training; a change of that shows only in outcomes."


def row_measures(n_rows: int, **values: Floats) -> RowMeasures:
    """Means over rows, each with the normal 95 % interval; none where there are too few rows.

    Parameters
    ----------
    values : of each row, shape (n_rows,), by the name of the measure.
    """
    found = {name: _mean(of_rows) if n_rows >= MIN_ROWS else NOTHING for name, of_rows in values.items()}
    return RowMeasures(n_rows=n_rows, **found)


def measures(probabilities: Floats, labels: Labels) -> Measures:
    """Judge probabilities of shape (n_rows,) by labels of 0 and 1."""
    n = len(labels)
    groups = calibration(probabilities, labels) if n >= MIN_ROWS else []
    enough = n >= MIN_ROWS
    clipped = np.clip(probabilities, CLIP, 1 - CLIP)
    losses = -np.where(labels == 1, np.log(clipped), np.log1p(-clipped))
    return Measures(
        n_rows=n,
        event_rate=float(labels.mean()) if n else None,
        predicted_rate=float(probabilities.mean()) if n else None,
        auc=auc(probabilities, labels),
        log_loss=_mean(losses) if enough else NOTHING,
        brier=_mean((probabilities - labels) ** 2) if enough else NOTHING,
        calibration_error=sum(g.n_rows * abs(g.predicted - g.observed) for g in groups) / n if groups else None,
        calibration=groups,
    )


def auc(probabilities: Floats, labels: Labels) -> Measure:
    """The area under the ROC curve with its interval.

    The variance is that of DeLong, DeLong and Clarke-Pearson (1988), by the mid-ranks of Sun and Xu (2014).
    """
    events, others = probabilities[labels == 1], probabilities[labels == 0]
    if min(len(events), len(others)) < MIN_OF_EACH or len(labels) < MIN_ROWS:
        return NOTHING
    ranks = rankdata(np.concatenate([events, others]))
    m, n = len(events), len(others)
    value = (ranks[:m].sum() - m * (m + 1) / 2) / (m * n)
    of_events = (ranks[:m] - rankdata(events)) / n
    of_others = 1 - (ranks[m:] - rankdata(others)) / m
    error = np.sqrt(of_events.var(ddof=1) / m + of_others.var(ddof=1) / n)
    return Measure(value=float(value), low=float(max(0, value - Z * error)), high=float(min(1, value + Z * error)))


def calibration(probabilities: Floats, labels: Labels, n_groups: int = N_GROUPS) -> list[CalibrationGroup]:
    """Equal parts of the rows by probability, from the least to the greatest."""
    order = np.argsort(probabilities, kind="stable")
    parts = [part for part in np.array_split(order, n_groups) if len(part)]
    sizes = np.array([len(part) for part in parts])
    observed = np.array([labels[part].mean() for part in parts])
    lows, highs = wilson_interval(observed, sizes)
    return [
        CalibrationGroup(
            n_rows=len(part), predicted=float(probabilities[part].mean()), observed=rate, low=low, high=high
        )
        for part, rate, low, high in zip(parts, observed.tolist(), lows.tolist(), highs.tolist(), strict=True)
    ]


def _mean(values: Floats) -> Measure:
    mean, error = float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))
    return Measure(value=mean, low=mean - Z * error, high=mean + Z * error)
