"""Metrics of each task as displayed in tables and reports; cheap to import."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """A test metric.

    Parameters
    ----------
    perfect : its value for a perfect model; closer is better.
    headline : whether it is shown in compact tables.
    """

    key: str
    title: str
    meaning: str
    perfect: float
    headline: bool = False


BINARY_METRICS = (
    Metric("auc", "AUC", "0.5 is random, 1 perfect", 1.0, headline=True),
    Metric("average_precision", "Average precision", "area under precision-recall", 1.0, headline=True),
    Metric("ks", "KS", "max. distance between the classes' CDFs", 1.0),
    Metric("log_loss", "Log-loss", "nats per row, less is better", 0.0, headline=True),
    Metric("normalised_entropy", "Normalised entropy", "1 is predicting the base rate", 0.0),
    Metric("brier", "Brier score", "mean squared error", 0.0, headline=True),
    Metric("calibration_error", "Calibration error", "expected calibration error", 0.0),
    Metric("calibration_ratio", "Calibration ratio", "predicted / observed, 1 is best", 1.0),
)
CLASS_METRICS = (
    Metric("accuracy", "Accuracy", "share of correct top predictions", 1.0, headline=True),
    Metric("auc", "AUC", "one-vs-rest mean over the levels", 1.0, headline=True),
    Metric("log_loss", "Log-loss", "nats per row, less is better", 0.0, headline=True),
    Metric("brier", "Brier score", "half the squared error of all levels", 0.0, headline=True),
)
QUANTILE_METRICS = (
    Metric("pinball", "Pinball loss", "mean over the quantiles, in the target's unit", 0.0, headline=True),
    Metric("mae", "MAE", "mean absolute error of the median", 0.0, headline=True),
    Metric("rmse", "RMSE", "root mean squared error of the median", 0.0),
    Metric("coverage", "Coverage", "share of rows inside the interval", 1.0, headline=True),
    Metric("width", "Width", "mean width of the interval", 0.0, headline=True),
)
PATH_METRICS = (
    Metric("mase", "MASE", "mean absolute error of the median, in usual steps", 0.0, headline=True),
    Metric("skill", "Skill", "share of the last value's error that is saved", 1.0, headline=True),
    Metric("smape", "sMAPE", "symmetric percentage error of the median, 0 to 200", 0.0),
    Metric("path_pinball", "Scaled pinball loss", "mean over quantiles and steps, in usual steps", 0.0),
    Metric("msis", "MSIS", "interval score of the 95 % interval, in usual steps", 0.0, headline=True),
    Metric("coverage_80", "Coverage of 80 %", "share of values inside the 80 % interval", 0.8),
    Metric("coverage_95", "Coverage of 95 %", "share of values inside the 95 % interval", 0.95, headline=True),
)
ALL_METRICS = (BINARY_METRICS, CLASS_METRICS, QUANTILE_METRICS, PATH_METRICS)
"""The metrics of every task."""


def metrics_of(versions: Iterable[Mapping[str, object]], *, headline: bool = False) -> list[Metric]:
    """The metrics, or only the headline ones, that any of these versions has, each key once."""
    present = {key for metrics in versions for key in metrics}
    found: dict[str, Metric] = {}
    for one in (one for metrics in ALL_METRICS for one in metrics if one.headline or not headline):
        found.setdefault(one.key, one)
    return [one for key, one in found.items() if key in present]
