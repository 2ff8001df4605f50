"""Observed performance of probabilities: measures with intervals, null for too few rows."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from sklearn.metrics import roc_curve

from models.arrays import Floats, Labels
from models.evaluation.intervals import wilson_interval
from models.evaluation.metrics import effective_rows

MIN_ROWS = 100
MIN_OF_EACH = 10
"""Minimum number of rows with, and of rows without, the event; with fewer the AUC is mostly noise."""
N_GROUPS = 10
CLIP = 1e-15
Z = 1.959964  # 95 %


class Measure(BaseModel):
    """A measure with its 95 % interval; null for too few rows."""

    value: float | None
    low: float | None
    high: float | None


NOTHING = Measure(value=None, low=None, high=None)


class CalibrationGroup(BaseModel):
    """Rows with similar probabilities."""

    n_rows: int
    predicted: float = Field(ge=0, le=1, description="Mean probability.")
    observed: float = Field(ge=0, le=1, description="Share of the rows with the event.")
    low: float = Field(ge=0, le=1, description="Lower end of its 95 % interval (Wilson).")
    high: float = Field(ge=0, le=1, description="Upper end of that interval.")


class Measures(BaseModel):
    """Observed performance of probabilities."""

    n_rows: int = Field(description="Predictions that were judged.")
    event_rate: float | None = Field(description="Share of the predictions with the event; null if there are none.")
    predicted_rate: float | None = Field(description="Mean probability.")
    auc: Measure = Field(description="Area under the ROC curve; interval by DeLong's variance.")
    log_loss: Measure
    brier: Measure
    calibration_error: float | None = Field(description="Expected calibration error over deciles.")
    calibration: list[CalibrationGroup] = Field(description="Deciles of the rows by probability.")


class RowMeasures(BaseModel):
    """Observed performance for tasks without an event; has an extra field for each measure."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Measure]

    n_rows: int = Field(description="Predictions that were judged.")
    event_rate: None = Field(None, description="Always null: the task has no event.")


class ExpectedRows(RowMeasures):
    """Expected performance for tasks without an event."""

    assumes: str = "The same inputs have the same outcomes as in training; concept drift shows only in outcomes."


def row_measures(n_rows: int, **values: Floats) -> RowMeasures:
    """Means over rows with normal 95 % intervals; null for too few rows.

    Parameters
    ----------
    values : per-row values, shape (n_rows,), by measure name.
    """
    found = {name: _mean(of_rows) if n_rows >= MIN_ROWS else NOTHING for name, of_rows in values.items()}
    return RowMeasures(n_rows=n_rows, **found)


def measures(probabilities: Floats, labels: Labels) -> Measures:
    """Evaluate probabilities of shape (n_rows,) against labels of 0 and 1."""
    n = len(labels)
    groups = calibration(probabilities, labels) if n >= MIN_ROWS else []
    enough = n >= MIN_ROWS
    clipped = np.clip(probabilities, CLIP, 1 - CLIP)
    losses = -np.where(labels == 1, np.log(clipped), np.log1p(-clipped))  # log1p is exact for small probabilities
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
    """Area under the ROC curve with its interval; null for too few rows."""
    n_events = int((labels == 1).sum())
    if min(n_events, len(labels) - n_events) < MIN_OF_EACH or len(labels) < MIN_ROWS:
        return NOTHING
    value, low, high = auc_interval(probabilities, labels)
    return Measure(value=value, low=low, high=high)


def auc_interval(probabilities: Floats, labels: Labels, weights: Floats | None = None) -> tuple[float, float, float]:
    """Area under the ROC curve, and the ends of its 95 % interval; NaN ends with fewer than two rows of a class.

    The variance is that of DeLong, DeLong and Clarke-Pearson (1988): of the share of the other class that each row is
    on the right side of. Rows count by `weights`, in it as w^2.
    """
    counted = np.ones(len(labels)) if weights is None else weights
    is_event = labels == 1
    n_events = int(is_event.sum())
    if min(n_events, len(labels) - n_events) < 2:
        return float("nan"), float("nan"), float("nan")
    parts = (probabilities[is_event], counted[is_event]), (probabilities[~is_event], counted[~is_event])
    of_events, of_others = _share_below(parts[0][0], *parts[1]), 1 - _share_below(parts[1][0], *parts[0])
    value = float(np.average(of_events, weights=parts[0][1]))
    variances = (_variance_of_mean(of_events, parts[0][1]), _variance_of_mean(of_others, parts[1][1]))
    error = sum(variances) ** 0.5
    return value, max(0.0, value - Z * error), min(1.0, value + Z * error)


def ks_interval(probabilities: Floats, labels: Labels, weights: Floats | None = None) -> tuple[float, float, float]:
    """The KS statistic, and the ends of its 95 % interval.

    It is the difference of two shares at the probability where they differ most, and has about the variance of that
    difference at a fixed one: r (1 - r) / n of each class, with n as `effective_rows` of it.
    """
    counted = np.ones(len(labels)) if weights is None else weights
    false_rates, true_rates, _ = roc_curve(labels, probabilities, sample_weight=weights)
    place = int(np.abs(true_rates - false_rates).argmax())
    value = float(abs(true_rates[place] - false_rates[place]))
    parts = ((true_rates[place], counted[labels == 1]), (false_rates[place], counted[labels == 0]))
    error = float(sum(rate * (1 - rate) / effective_rows(len(of), of) for rate, of in parts)) ** 0.5
    return value, max(0.0, value - Z * error), min(1.0, value + Z * error)


def _share_below(values: Floats, among: Floats, weights: Floats) -> Floats:
    """The share of the weight of `among` below each value; ties count half."""
    order = np.argsort(among)
    cumulative = np.concatenate([[0.0], np.cumsum(weights[order])])
    below, up_to = (cumulative[np.searchsorted(among[order], values, side=side)] for side in ("left", "right"))
    shares: Floats = (below + up_to) / (2 * cumulative[-1])
    return shares


def _variance_of_mean(values: Floats, weights: Floats) -> float:
    """Of the weighted mean; without weights the sample variance over the number of values."""
    n, off = len(values), values - np.average(values, weights=weights)
    return float((weights**2 * off**2).sum() / weights.sum() ** 2 * n / (n - 1))


def calibration(probabilities: Floats, labels: Labels, n_groups: int = N_GROUPS) -> list[CalibrationGroup]:
    """Equal-count groups of the rows by probability, lowest first."""
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
