"""Calibration: from a network's log-odds to probabilities that mean what they say."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def sigmoid(log_odds: Floats) -> Floats:
    """The probability of log-odds, exact in both tails."""
    tail = np.exp(-np.abs(log_odds))
    probabilities: Floats = np.where(log_odds >= 0, 1.0, tail) / (1 + tail)
    return probabilities


class LogOddsCalibrator:
    """Stretch and shift log-odds so that they fit held-out labels: probability = sigmoid(slope * z + intercept).

    This is Platt's scaling (1999) with a prior: slope and intercept are drawn to 1 and 0 with the strength of one
    standard deviation each, which decides where labels are few and is not felt where they are many. The slope stays
    positive, so that no ranking changes.

    Attributes
    ----------
    slope, intercept : 1 and 0 until `fit`.
    """

    least_slope = 0.05

    def __init__(self) -> None:
        self.slope, self.intercept = 1.0, 0.0

    def fit(self, log_odds: Floats, labels: npt.NDArray[np.int64], weights: Floats | None = None) -> LogOddsCalibrator:
        """Find slope and intercept for rows that the network was not trained on, by Newton's method.

        Parameters
        ----------
        log_odds, labels, weights : of shape (n_rows,); labels are 0 or 1.
        """
        inputs = np.stack([log_odds, np.ones_like(log_odds)], axis=1)
        row_weights = np.ones_like(log_odds) if weights is None else weights
        start = np.array([1.0, 0.0])
        solution = start.copy()
        for _ in range(50):
            probabilities = sigmoid(inputs @ solution)
            gradient = inputs.T @ (row_weights * (probabilities - labels)) + (solution - start)
            curvature = row_weights * probabilities * (1 - probabilities)
            step = np.linalg.solve(inputs.T @ (inputs * curvature[:, None]) + np.eye(2), gradient)
            # A full step may overshoot where the curve is flat
            solution -= step * min(1.0, 2.0 / max(np.abs(step).max(), 1e-12))
            if np.abs(step).max() < 1e-9:
                break
        self.slope, self.intercept = max(float(solution[0]), self.least_slope), float(solution[1])
        return self

    def log_odds(self, log_odds: Floats) -> Floats:
        """The calibrated log-odds, shape (n_rows,)."""
        return self.slope * log_odds + self.intercept
