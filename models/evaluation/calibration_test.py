"""Whether probabilities are calibrated within chance: slope, intercept and ten-bin gap, each with its interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from models.arrays import Floats, Labels
from models.evaluation.metrics import MIN_PROBABILITY, bin_numbers, calibration_error

Z = 2.3940
"""Normal quantile of joint 95 % intervals of three figures (Bonferroni: 98.33 % each)."""
N_DRAWS = 2000
_MAX_STEPS = 50


@dataclass(frozen=True, kw_only=True)
class Interval:
    """An estimate with the ends of its interval."""

    value: float
    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Whether the value lies within."""
        return self.low <= value <= self.high


@dataclass(frozen=True, kw_only=True)
class CalibrationTest:
    """Calibration of probabilities, with joint 95 % intervals (Cox 1958; Van Calster et al. 2016).

    Parameters
    ----------
    slope : factor of the log-odds that fits best, together with a constant; 1 if calibrated, below 1 if the
        probabilities are too extreme. None if all probabilities are equal.
    intercept : the constant that fits best when added to the log-odds; 0 if calibrated, below 0 if they are too high.
    gap : expected calibration error over ten bins, 0..1.
    gap_by_chance : what that of a calibrated model stays below with 98.33 %.
    rate : the smaller of the observed shares with and without the event.
    """

    slope: Interval | None
    intercept: Interval
    gap: float
    gap_by_chance: float
    rate: float

    @property
    def within_chance(self) -> bool:
        """Whether a calibrated model can be expected to look like this."""
        return self.problem(0.0) == ""

    def problem(self, tolerance: float) -> str:
        """What is off beyond chance and by more than the tolerance, see `data.gates.Gates`; empty if nothing is."""
        low, high, shift = 1 / (1 + tolerance), 1 + tolerance, float(np.log1p(tolerance))
        if self.slope is not None and (self.slope.high < low or self.slope.low > high):
            return f"their calibration slope is {in_words(self.slope)}, where 1 is calibrated"
        if self.intercept.high < -shift or self.intercept.low > shift:
            return f"their calibration intercept is {in_words(self.intercept)}, where 0 is calibrated"
        if self.gap > self.gap_by_chance and self.gap > tolerance * self.rate:
            return (
                f"their calibration error over ten bins is {self.gap * 100:.2g} percentage points, where a calibrated "
                f"model has at most {self.gap_by_chance * 100:.2g} by chance"
            )
        return ""


def in_words(found: Interval) -> str:
    """The value and its interval."""
    return f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"


def calibration_test(
    labels: Labels, probabilities: Floats, weights: Floats | None = None, *, seed: int
) -> CalibrationTest:
    """Test the calibration of probabilities of shape (n_rows,) by labels of 0 and 1, of which both occur.

    Rows count by `weights`, which do not make the intervals narrower, as more rows would. Weights may depend on the
    outcome, as where rows without the event are a sample.
    """
    counted = np.ones(len(labels)) if weights is None else weights
    log_odds = logit(np.clip(probabilities, MIN_PROBABILITY, 1 - MIN_PROBABILITY))
    rate = float(np.average(labels, weights=weights))
    return CalibrationTest(
        slope=_slope(log_odds, labels, counted),
        intercept=_intercept(log_odds, labels, counted),
        gap=calibration_error(labels, probabilities, weights),
        gap_by_chance=_gap_by_chance(labels, probabilities, counted, seed),
        rate=min(rate, 1 - rate),
    )


def _slope(log_odds: Floats, labels: Labels, weights: Floats) -> Interval | None:
    """Logistic regression of the labels on the log-odds."""
    scale = float(log_odds.std())
    if scale < 1e-9:
        return None
    X = np.stack([np.ones(len(labels)), (log_odds - log_odds.mean()) / scale], axis=1)
    coefficients, covariance = _fitted(X, labels, weights, np.zeros(len(labels)))
    value, error = coefficients[1] / scale, float(np.sqrt(covariance[1, 1])) / scale
    return Interval(value=float(value), low=float(value - Z * error), high=float(value + Z * error))


def _intercept(log_odds: Floats, labels: Labels, weights: Floats) -> Interval:
    """Logistic regression on a constant alone, beside the log-odds as they are."""
    coefficients, covariance = _fitted(np.ones((len(labels), 1)), labels, weights, log_odds)
    value, error = float(coefficients[0]), float(np.sqrt(covariance[0, 0]))
    return Interval(value=value, low=value - Z * error, high=value + Z * error)


def _fitted(X: Floats, labels: Labels, weights: Floats, offset: Floats) -> tuple[Floats, Floats]:
    """Coefficients by Newton's method, with halved steps where needed, and their covariance.

    That is A^-1 B A^-1 of the information A = sum w p (1 - p) x x' and the variance B of the score, the sum of w^2 x x'
    times `_variances` (Huber 1967). With equal weights of 1 both are equal.
    """
    coefficients = np.zeros(X.shape[1])
    tiny = 1e-6 * np.eye(X.shape[1])  # keeps separable classes finite: their interval is wide, as it should be

    def loss(at: Floats) -> float:
        z = X @ at + offset
        return float(weights @ (np.logaddexp(0, z) - z * labels) + 0.5 * at @ tiny @ at)

    for _ in range(_MAX_STEPS):
        fitted = expit(X @ coefficients + offset)
        gradient = X.T @ (weights * (fitted - labels)) + tiny @ coefficients
        hessian = (X * (weights * fitted * (1 - fitted))[:, None]).T @ X + tiny
        step, before = np.linalg.solve(hessian, gradient), loss(coefficients)
        while loss(coefficients - step) > before + 1e-12 and np.abs(step).max() > 1e-9:
            step = step / 2
        coefficients = coefficients - step
        if np.abs(step).max() < 1e-8:
            break
    fitted = expit(X @ coefficients + offset)
    inverse = np.linalg.inv((X * (weights * fitted * (1 - fitted))[:, None]).T @ X + tiny)
    variances = weights**2 * _variances(labels, fitted, weights)
    covariance: Floats = inverse @ ((X * variances[:, None]).T @ X + tiny) @ inverse
    return coefficients, covariance


def _variances(labels: Labels, probabilities: Floats, weights: Floats) -> Floats:
    """The variance of each row's outcome: p (1 - p), or (y - p)^2 if weights differ (White 1980).

    With w^2, the first holds only for weights that do not depend on the outcome.
    """
    if weights.min() == weights.max():
        return probabilities * (1 - probabilities)
    return (labels - probabilities) ** 2


def _gap_by_chance(labels: Labels, probabilities: Floats, weights: Floats, seed: int) -> float:
    """Quantile of the ten-bin gap of outcomes drawn from the probabilities, as binomial per bin.

    A bin counts as the number of equally weighted rows whose rate varies as much, by `_variances` where both outcomes
    occur in it: one alone says nothing of its variance.
    """
    bins = bin_numbers(probabilities, n_bins=10)
    n_events, n_others = (np.bincount(bins, weights * of_kind, 10) for of_kind in (labels, 1 - labels))
    is_mixed = ((n_events > 0) & (n_others > 0))[bins]
    clipped = np.clip(probabilities, MIN_PROBABILITY, 1 - MIN_PROBABILITY)
    binomial = clipped * (1 - clipped)
    spread = weights**2 * np.where(is_mixed, _variances(labels, clipped, weights), binomial)
    filled = np.bincount(bins, weights, 10) > 0
    total, expected, alike, varied = (
        np.bincount(bins, of_rows, 10)[filled]
        for of_rows in (weights, weights * probabilities, weights * binomial, spread)
    )
    n_rows = np.maximum(np.round(total * alike / varied), 1).astype(np.int64)
    means = np.clip(expected / total, 0, 1)
    drawn = np.random.default_rng(seed).binomial(n_rows, means, size=(N_DRAWS, len(n_rows)))
    gaps = (total * np.abs(drawn / n_rows - means)).sum(axis=1) / weights.sum()
    return float(np.quantile(gaps, 1 - 0.05 / 3))
