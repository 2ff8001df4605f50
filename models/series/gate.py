"""How much of a forecast is believed: no more than several blocks of time bear out against a simpler one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import stdtrit

from models.arrays import Floats
from models.series.arrays import Positions

SHARES = np.linspace(0, 1.5, 31)
"""Shares that are tried; above 1, so that the standard error is taken from a share that may deserve more."""
CONFIDENCE = 0.95
"""Of the test that a share gains where it was not chosen."""
NEIGHBOURS = 6
"""A step is judged together with those around it: a sixth of all steps on each side."""


def believed_share(loss_at: Callable[[float], Floats], groups: Positions, *, must_gain: bool) -> Floats:
    """The share of a forecast, in place of a simpler one, that is used at each step, 0 to 1.

    The share a of least loss over all groups, less one standard error from a delete-one-group jackknife (Efron and
    Stein 1981): clip(a - se, 0, 1). Whoever `must_gain` has the burden of proof: its share is 0, and the simpler one
    stays, unless the share that is best for all other groups also gains in a group itself: on average over the groups,
    by a one-sided t-test. A forecast that was better in one period alone fails it.

    Parameters
    ----------
    loss_at : share -> the loss of each window at each step with this share, (n_windows, n_steps); of windows held out
        from what made the forecast.
    groups : of the windows, -1 for windows that are left out. Fewer than two groups prove nothing: the share is 0.
    """
    used = [group for group in np.unique(groups) if group >= 0]
    members = (groups[:, None] == np.array(used, np.intp)).astype(float)
    losses = np.stack([members.T @ loss_at(float(share)) for share in SHARES])  # shares x groups x steps
    if len(used) < 2:
        return np.zeros(losses.shape[2])
    losses = _with_neighbours(losses)
    total = losses.sum(axis=1)
    best = SHARES[total.argmin(axis=0)]
    left_out = (total[:, None] - losses).argmin(axis=0)
    without, n = SHARES[left_out], len(used)
    error = np.sqrt((n - 1) / n * np.square(without - without.mean(axis=0)).sum(axis=0))
    gains = losses[0] - np.take_along_axis(losses, left_out[None], axis=0)[0]
    is_gain = gains.mean(axis=0) > stdtrit(n - 1, CONFIDENCE) * gains.std(axis=0, ddof=1) / np.sqrt(n)
    believed: Floats = np.where(is_gain | (not must_gain), np.clip(best - error, 0, 1), 0.0)
    return believed


def _with_neighbours(losses: Floats) -> Floats:
    """Sums over the steps around each step."""
    n_steps = losses.shape[2]
    reach = n_steps // NEIGHBOURS
    sums = np.pad(np.cumsum(losses, axis=2), ((0, 0), (0, 0), (1, 0)))
    steps = np.arange(n_steps)
    around: Floats = sums[:, :, np.minimum(steps + reach + 1, n_steps)] - sums[:, :, np.maximum(steps - reach, 0)]
    return around
