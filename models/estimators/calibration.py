"""Calibration of log-odds (Platt scaling), and monotone probabilities."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit

from models.arrays import Floats
from models.nn.arrays import Array


def probability(log_odds: Array) -> Floats:
    """1 / (1 + exp(-z)), monotone in the log-odds z even between adjacent floats.

    exp is accurate to about one unit in the last place, so of two adjacent floats the larger may get the smaller
    result. Log-odds rounded to multiples of 2^-46 are either equal, or their exponentials differ by dozens of such
    units.
    """
    steps = 2.0**46
    rounded: Floats = expit(np.round(log_odds * steps) / steps)
    return rounded


class LogOddsCalibrator:
    """Platt scaling (1999) of log-odds z on held-out labels: the probability is expit(slope * z + intercept).

    Slope and intercept have standard normal priors around 1 and 0, which matter only if labels are few. The slope stays
    positive, so that the ranking does not change.

    Attributes
    ----------
    slope, intercept : 1 and 0 until `fit`.
    """

    min_slope = 0.05
    stored_as: ClassVar[str] = "calibrator"
    stored_fields: ClassVar[Mapping[str, str]] = {"slope": "float", "intercept": "float"}

    def __init__(self) -> None:
        self.slope, self.intercept = 1.0, 0.0

    def fit(
        self,
        log_odds: Floats,
        labels: npt.NDArray[np.int64],
        weights: Floats | None = None,
        *,
        negative_sample_rate: float = 1.0,
    ) -> LogOddsCalibrator:
        """Fit slope and intercept on rows that the network was not trained on, by penalised maximum likelihood.

        Parameters
        ----------
        log_odds, labels, weights : of shape (n_rows,); labels are 0 or 1. Weights count relative to their mean.
        negative_sample_rate : share of the negative rows that were kept. The intercept corrects for that, so that
            probabilities are those of all rows; see `negative_sampling`.
        """
        inputs = np.stack([log_odds, np.ones_like(log_odds)], axis=1)
        row_weights = np.ones_like(log_odds) if weights is None else weights / weights.mean()
        start = np.array([1.0, 0.0])

        def loss_and_gradient(solution: Floats) -> tuple[float, Floats]:
            fitted, off = inputs @ solution, solution - start
            losses = np.logaddexp(0, fitted) - labels * fitted
            gradient = inputs.T @ (row_weights * (expit(fitted) - labels)) + off
            return float(row_weights @ losses + off @ off / 2), gradient

        solution = minimize(loss_and_gradient, start, jac=True, method="BFGS").x
        self.slope = max(float(solution[0]), self.min_slope)
        self.intercept = float(solution[1]) + math.log(negative_sample_rate)
        return self

    def log_odds(self, log_odds: Floats) -> Floats:
        """The calibrated log-odds, shape (n_rows,)."""
        return self.slope * log_odds + self.intercept
