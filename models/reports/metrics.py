"""Metrics: measures of how good a model is, as reports and pages word them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """A measure as the report words it; `perfect` is its value for a model that is always right and sure."""

    key: str
    title: str
    meaning: str
    perfect: float


METRICS = (
    Metric("auc", "AUC", "0.5 is guessing, 1 perfect", 1.0),
    Metric("average_precision", "Average precision", "area under precision-recall", 1.0),
    Metric("ks", "KS", "distance of the two classes", 1.0),
    Metric("log_loss", "Log-loss", "nats per row, less is better", 0.0),
    Metric("normalised_entropy", "Normalised entropy", "1 is knowing the rate only", 0.0),
    Metric("brier", "Brier score", "mean squared error", 0.0),
    Metric("calibration_error", "Calibration error", "mean gap to the observed rate", 0.0),
    Metric("calibration_ratio", "Calibration ratio", "predicted / observed, 1 is best", 1.0),
)
