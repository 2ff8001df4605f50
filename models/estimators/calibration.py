"""Calibration: from a network's log-odds to probabilities that mean what they say."""

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
    """1 / (1 + exp(-z)); it never falls as the log-odds z rise, not even from one float to the next.

    A library's exp is right to about one unit in its last place, so of two neighbours the larger may get less. Rounded
    to multiples of 2^-46, log-odds are equal, or their exponentials are dozens of such units apart.
    """
    steps = 2.0**46
    rounded: Floats = expit(np.round(log_odds * steps) / steps)
    return rounded


class LogOddsCalibrator:
    """Stretch and shift log-odds z so that they fit held-out labels: the probability is expit(slope * z + intercept).

    This is Platt's scaling (1999) with a prior: slope and intercept are drawn to 1 and 0 with the strength of one
    standard deviation each, which decides where labels are few and is not felt where they are many. The slope stays
    positive, so that no ranking changes.

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
        """Find slope and intercept for rows that the network was not trained on, by maximum likelihood.

        Parameters
        ----------
        log_odds, labels, weights : of shape (n_rows,); labels are 0 or 1.
        negative_sample_rate : share of the rows without the event that these rows hold. The intercept makes up for the
            others, so that probabilities are those of all rows; see `sampling`.
        """
        inputs = np.stack([log_odds, np.ones_like(log_odds)], axis=1)
        row_weights = np.ones_like(log_odds) if weights is None else weights
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
