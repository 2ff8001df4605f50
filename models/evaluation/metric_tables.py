"""The metrics of each task as tables and reports word them; light to import, for programs that only show them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """A measure of how good a model is on test rows.

    Parameters
    ----------
    perfect : its value for a model that is always right and sure; the nearer to it, the better.
    headline : one of the few that stand for all where there is little room.
    """

    key: str
    title: str
    meaning: str
    perfect: float
    headline: bool = False


BINARY_METRICS = (
    Metric("auc", "AUC", "0.5 is guessing, 1 perfect", 1.0, headline=True),
    Metric("average_precision", "Average precision", "area under precision-recall", 1.0, headline=True),
    Metric("ks", "KS", "distance of the two classes", 1.0),
    Metric("log_loss", "Log-loss", "nats per row, less is better", 0.0, headline=True),
    Metric("normalised_entropy", "Normalised entropy", "1 is knowing the rate only", 0.0),
    Metric("brier", "Brier score", "mean squared error", 0.0, headline=True),
    Metric("calibration_error", "Calibration error", "mean gap to the observed rate", 0.0),
    Metric("calibration_ratio", "Calibration ratio", "predicted / observed, 1 is best", 1.0),
)
CLASS_METRICS = (
    Metric("accuracy", "Accuracy", "rows whose most probable level is right", 1.0, headline=True),
    Metric("auc", "AUC", "mean over the levels, each against all others", 1.0, headline=True),
    Metric("log_loss", "Log-loss", "nats per row, less is better", 0.0, headline=True),
    Metric("brier", "Brier score", "half the squared error of all levels", 0.0, headline=True),
)
QUANTILE_METRICS = (
    Metric("pinball", "Pinball loss", "mean over the quantiles, in the target's unit", 0.0, headline=True),
    Metric("mae", "MAE", "mean absolute error of the median", 0.0, headline=True),
    Metric("rmse", "RMSE", "root of its mean squared error", 0.0),
    Metric("coverage", "Coverage", "rows inside the interval", 1.0, headline=True),
    Metric("width", "Width", "mean width of the interval", 0.0, headline=True),
)
ALL_METRICS = (BINARY_METRICS, CLASS_METRICS, QUANTILE_METRICS)
"""Of every task."""


def metrics_of(versions: Iterable[Mapping[str, object]], *, headline: bool = False) -> list[Metric]:
    """The metrics, or the headline ones alone, that some of these versions have, each key once."""
    present = {key for metrics in versions for key in metrics}
    found: dict[str, Metric] = {}
    for one in (one for metrics in ALL_METRICS for one in metrics if one.headline or not headline):
        found.setdefault(one.key, one)
    return [one for key, one in found.items() if key in present]
