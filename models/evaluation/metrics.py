"""Metrics of probabilities, and the paired comparison of two models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score, roc_curve

from models.arrays import Floats, Labels, Mask
from models.errors import ModelError
from models.evaluation.bootstrap import resampled_sums

MIN_PROBABILITY = 1e-7
"""Probabilities are clipped to this and one minus it, so that the log-loss of a confident error stays finite."""


class OneClassError(ModelError):
    """Evaluation rows that all have, or all lack, the event."""

    def __init__(self, labels: Labels) -> None:
        held = f"all {len(labels)} are {labels[0]}" if len(labels) else "there are none"
        super().__init__(f"evaluation needs rows of both classes, but {held}; provide more rows or split differently")


def evaluate(labels: Labels, probabilities: Floats, weights: Floats | None = None) -> dict[str, float]:
    """Evaluate probabilities against labels.

    Parameters
    ----------
    labels, probabilities, weights : of shape (n_rows,); labels are 0 or 1, and both occur (else OneClassError).

    Returns
    -------
    dict
        `auc`, area under the ROC curve, 0.5..1, higher is better; `gini`, 2 auc - 1.
        `average_precision`, area under the precision-recall curve, positive_rate..1, higher is better.
        `ks`, largest distance of the score's distribution functions of the two classes, 0..1, higher is better.
        `log_loss`, in nats, lower is better; see MIN_PROBABILITY. `brier`, mean squared error, lower is better.
        `calibration_error`, see `calibration_error`. `calibration_ratio`, mean probability / observed rate, best is 1.
        `normalised_entropy`, log-loss / that of always predicting the observed rate (He et al. 2014, "Practical lessons
        from predicting clicks on ads at Facebook"); lower is better, 1 is no better than the base rate.
        `positive_rate`, share of rows with the event. `n_rows`.
    """
    if len(labels) == 0 or labels.min() == labels.max():
        raise OneClassError(labels)
    rate = float(np.average(labels, weights=weights))
    auc = float(roc_auc_score(labels, probabilities, sample_weight=weights))
    loss = float(log_loss(labels, _clipped(probabilities), sample_weight=weights))
    false_positive_rates, true_positive_rates, _ = roc_curve(labels, probabilities, sample_weight=weights)
    return {
        "auc": auc,
        "gini": 2 * auc - 1,
        "average_precision": float(average_precision_score(labels, probabilities, sample_weight=weights)),
        "ks": float(np.abs(true_positive_rates - false_positive_rates).max()),
        "log_loss": loss,
        "brier": float(brier_score_loss(labels, probabilities, sample_weight=weights)),
        "calibration_error": calibration_error(labels, probabilities, weights),
        "calibration_ratio": float(np.average(probabilities, weights=weights)) / rate,
        "normalised_entropy": loss / entropy(rate),
        "positive_rate": rate,
        "n_rows": float(len(labels)),
    }


def entropy(rate: float) -> float:
    """Log-loss of always predicting the observed rate, which is above 0 and below 1, in nats."""
    return float(-(rate * np.log(rate) + (1 - rate) * np.log(1 - rate)))


def auc_by_ranks(labels: Labels | Mask, scores: Floats, weights: Floats | None = None) -> float:
    """The `auc` of `evaluate`, without weights quickly (Mann and Whitney 1947): reports need dozens.

    Parameters
    ----------
    labels, scores, weights : of shape (n_rows,); labels are 0 or 1, and both occur.
    """
    if weights is not None:
        return float(roc_auc_score(labels, scores, sample_weight=weights))
    events = labels == 1
    m, n = int(events.sum()), int((~events).sum())
    return float((rankdata(scores)[events].sum() - m * (m + 1) / 2) / (m * n))


@dataclass(frozen=True)
class Contender:
    """A model evaluated on the test rows.

    Parameters
    ----------
    predictions : of the test rows, see `models.contract.Predictions`.
    metrics : by key, see `models.evaluation.metric_tables`.
    seconds : wall time of training and predicting.
    notes : caveats of a comparison.
    """

    predictions: Floats
    metrics: dict[str, float]
    seconds: float
    notes: str = ""


@dataclass(frozen=True)
class CalibrationBins:
    """Rows grouped by their probability; each array has shape (n_bins,), lowest probabilities first.

    Parameters
    ----------
    predicted, observed : mean probability and rate of the event in each bin.
    n_rows, weights, n_effective : number and weight of its rows, and `effective_rows_of_rate` of them.
    """

    predicted: Floats
    observed: Floats
    n_rows: npt.NDArray[np.int64]
    weights: Floats
    n_effective: Floats


def calibration_bins(
    labels: Labels, probabilities: Floats, weights: Floats | None = None, *, n_bins: int = 10
) -> CalibrationBins:
    """Group rows into equal-count bins; ties share a bin, so there may be fewer."""
    row_weights = np.ones(len(labels)) if weights is None else weights
    bins = bin_numbers(probabilities, n_bins=n_bins)
    n_rows = np.bincount(bins, minlength=n_bins)
    parts = (1.0, probabilities, labels, row_weights, row_weights * labels)
    sums = [np.bincount(bins, row_weights * values, n_bins) for values in parts]
    filled = sums[0] > 0
    weight, predicted, observed, squares, of_events = (values[filled].astype(np.float64) for values in sums)
    rates = observed / weight
    n_effective = effective_rows_of_rate(rates, weight, squares, of_events)
    return CalibrationBins(predicted / weight, rates, n_rows[filled], weight, n_effective)


def bin_numbers(probabilities: Floats, *, n_bins: int) -> npt.NDArray[np.intp]:
    """Equal-count bin of each row, 0 .. n_bins - 1, shape (n_rows,)."""
    inner_edges = np.quantile(probabilities, np.arange(1, n_bins) / n_bins)
    return np.searchsorted(inner_edges, probabilities, side="right")


def calibration_error(labels: Labels, probabilities: Floats, weights: Floats | None = None) -> float:
    """Expected calibration error, 0..1: sum over the bins b of (n_b / n) * |mean probability_b - observed rate_b|.

    Naeini et al. 2015, "Obtaining well calibrated probabilities using Bayesian binning", with ten bins of equal count
    instead of equal width (Nguyen and O'Connor 2015), which also works for rare events. A perfect model has slightly
    more than 0, see `models.evaluation.calibration_test`.
    """
    bins = calibration_bins(labels, probabilities, weights)
    return float(np.average(np.abs(bins.predicted - bins.observed), weights=bins.weights))


def effective_rows(n_rows: int, weights: Floats | None) -> float:
    """The number of equally weighted rows whose mean is as precise: (sum w)^2 / sum w^2 (Kish 1965)."""
    return float(n_rows) if weights is None else float(weights.sum() ** 2 / (weights**2).sum())


def effective_rows_of_rate(rates: Floats, weights: Floats, squares: Floats, squares_of_events: Floats) -> Floats:
    """The number of equally weighted rows whose rate of the event is as precise.

    That is r (1 - r) (sum w)^2 / sum w^2 (y - r)^2, with the rate r and the labels y (White 1980), also where weights
    depend on the outcome: of a sample of the rows without the event, those with it are all there. Where all rows or
    none have the event, nothing is known of that, and it is `effective_rows`.

    Parameters
    ----------
    rates, weights, squares, squares_of_events : of each group of rows: its weighted rate, sum w, sum w^2, and sum w^2
        of the rows with the event.
    """
    spread = squares_of_events * (1 - rates) ** 2 + (squares - squares_of_events) * rates**2
    mixed = (rates > 0) & (rates < 1)
    found: Floats = weights**2 / np.where(mixed, spread / np.where(mixed, rates * (1 - rates), 1), squares)
    return found


def _clipped(probabilities: Floats) -> Floats:
    return np.clip(probabilities, MIN_PROBABILITY, 1 - MIN_PROBABILITY)


@dataclass(frozen=True)
class Comparison:
    """Difference in loss of two models on the same rows; negative favours the first.

    Parameters
    ----------
    difference : mean over the rows, in the unit of the loss.
    low, high : ends of its 90 % interval.
    """

    difference: float
    low: float
    high: float

    @property
    def worse(self) -> bool:
        """Significantly worse: happens in 5 % of comparisons of equally good models."""
        return self.low > 0

    @property
    def better(self) -> bool:
        """Significantly better, at the same level."""
        return self.high < 0


def compare(ours: Floats, theirs: Floats, weights: Floats | None = None, *, seed: int) -> Comparison:
    """Compare two models by a paired bootstrap of their losses (Efron and Tibshirani 1993, chapter 13).

    Both losses of a row are resampled together, so that rows hard for both models cancel out.

    Parameters
    ----------
    ours, theirs, weights : losses of the same rows, and how much each counts, shape (n_rows,).
    """
    counted = np.ones(len(ours)) if weights is None else weights
    weighted = counted * (ours - theirs)
    sums = resampled_sums(np.stack([weighted, counted], axis=1), seed=seed)
    low, high = np.quantile(sums[:, 0] / sums[:, 1], [0.05, 0.95])
    return Comparison(float(weighted.sum() / counted.sum()), float(low), float(high))


def log_losses(labels: Labels, probabilities: Floats) -> Floats:
    """Log-loss of each row."""
    clipped = _clipped(probabilities)
    losses: Floats = -np.log(np.where(labels == 1, clipped, 1 - clipped))
    return losses
