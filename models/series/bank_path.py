"""One path from all smoothers: each weighs as much as it was right before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.arrays import Floats
from models.series.smoothers import Bank, BankStates, damped_steps


@dataclass(frozen=True)
class BankPaths:
    """What the smoothers make of the origins.

    Attributes
    ----------
    paths : of each smoother, (n_origins, n_smoothers, n_steps).
    weights : of the smoothers, with sum 1, (n_origins, n_smoothers).
    mean : the weighted path, (n_origins, n_steps).
    """

    paths: Floats
    weights: Floats
    mean: Floats


def bank_paths(bank: Bank, states: BankStates, steps: Floats, sharpness: float) -> BankPaths:
    """The paths at these steps (whole numbers from 1 to the horizon), and B = sum_k w_k C_k with w_k ~ E_k^-p."""
    ahead = steps.astype(np.intp) - 1
    trends = damped_steps(bank.phi, bank.horizon)[:, ahead]
    paths = states.level[:, :, None] + states.trend[:, :, None] * trends
    paths[:, bank.first_seasonal :] += states.seasons[:, :, ahead % bank.season]
    weights = error_weights(states.error, sharpness)
    # Not a product of matrices: its order of adding depends on the number of origins, and with it the last bit
    return BankPaths(paths, weights, (weights[:, :, None] * paths).sum(axis=1))


def error_weights(errors: Floats, sharpness: float) -> Floats:
    """Weights ~ errors^-sharpness along the last axis, sum 1; equal where no error was seen yet."""
    least = errors.min(axis=-1, keepdims=True)
    # As a ratio to the least error no power overflows; where that is 0, only errors of 0 count
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(errors == least, 1.0, least / errors)
    powers = ratios**sharpness
    weights: Floats = powers / powers.sum(axis=-1, keepdims=True)
    return weights
