"""Uplift evaluation: how well a score ranks rows by treatment effect, on a randomised experiment.

Rows are treated in order of score, highest first. The Qini curve (Radcliffe 2007, "Using control groups to target on
predicted lift") is the incremental events among the first n rows, R_t - R_c N_t / N_c, divided by all treated rows. The
straight line to its end is treatment at random. Rows are weighted by 1 / propensity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.arrays import Floats
from models.errors import ModelError
from models.evaluation.off_policy import Estimate, estimate


class UpliftError(ModelError):
    """Rows on which uplift cannot be measured."""


@dataclass(frozen=True, eq=False)
class Uplift:
    """Uplift of targeting by a score.

    Parameters
    ----------
    shares : share of the rows that is treated, ascending from 0 to 1, shape (n_points,).
    gains : incremental events per treated row of the experiment at each share, shape (n_points,).
    effect : average treatment effect, the last of the gains.
    qini : area between the curve and the straight line to its end, in events per row; 0 is random, negative is worse.
    """

    shares: Floats
    gains: Floats
    effect: Estimate
    qini: Estimate


def uplift(
    scores: Floats,
    treated: npt.NDArray[np.bool_],
    events: Floats,
    propensities: Floats,
    *,
    seed: int,
    n_resamples: int = 500,
) -> Uplift:
    """Measure how well scores rank rows by treatment effect.

    Parameters
    ----------
    scores : predicted uplift, finite; ties are treated together, shape (n_rows,).
    treated : whether the row was assigned the treatment, shape (n_rows,).
    events : 0 or 1, or any amount, shape (n_rows,).
    propensities : probability of the row's assignment, in (0, 1], shape (n_rows,).
    seed : of the bootstrap over the rows.

    Raises
    ------
    UpliftError
        Lengths differ, a score or an event is not finite, or all or none of the rows are treated.
    """
    _check(scores, treated, events, propensities)
    order = np.argsort(-scores, kind="stable")
    treated, events, weights, in_order = treated[order], events[order], 1 / propensities[order], scores[order]
    ends = np.flatnonzero(np.append(np.diff(in_order) != 0, True))  # the last row of each run of equal scores
    rng, n_rows = np.random.default_rng(seed), len(scores)
    shares, gains = _curve(weights, treated, events, ends)
    found = [(gains[-1], _area(shares, gains))]
    for _ in range(n_resamples):
        # A resample as weights keeps the order of the scores, so nothing is sorted again
        times_drawn = np.bincount(rng.integers(0, n_rows, n_rows), minlength=n_rows)
        resampled = _curve(times_drawn * weights, treated, events, ends)
        found.append((resampled[1][-1], _area(*resampled)))
    effects, areas = np.array(found).T
    return Uplift(shares, gains, estimate(effects), estimate(areas))


def _curve(
    weights: Floats, treated: npt.NDArray[np.bool_], events: Floats, ends: npt.NDArray[np.intp]
) -> tuple[Floats, Floats]:
    """Shares and gains at 0 and at the end of each run of ties, of weighted rows in order."""
    n_treated, n_control = np.cumsum(weights * treated)[ends], np.cumsum(weights * ~treated)[ends]
    of_treated, of_control = np.cumsum(weights * treated * events)[ends], np.cumsum(weights * ~treated * events)[ends]
    control_rate = np.divide(of_control, n_control, out=np.zeros_like(n_control), where=n_control > 0)
    comparable = n_treated[-1] > 0 and n_control[-1] > 0
    gains = (of_treated - control_rate * n_treated) / n_treated[-1] if comparable else np.full(len(ends), np.nan)
    return np.append(0.0, np.cumsum(weights)[ends] / weights.sum()), np.append(0.0, gains)


def _area(shares: Floats, gains: Floats) -> float:
    """Area between the curve and the straight line from its start to its end."""
    return float(np.trapezoid(gains - shares * gains[-1], shares))


def _check(scores: Floats, treated: npt.NDArray[np.bool_], events: Floats, propensities: Floats) -> None:
    lengths = [len(scores), len(treated), len(events), len(propensities)]
    if len(set(lengths)) > 1:
        raise UpliftError(f"scores, treated, events and propensities must have equal lengths, got {lengths}")
    likely = (propensities > 0) & (propensities <= 1)
    rules = {
        "score": ("finite", scores, np.isfinite(scores)),
        "event": ("finite", events, np.isfinite(events)),
        "propensity": ("above 0 and at most 1", propensities, likely),
    }
    for name, (allowed, values, fits) in rules.items():
        if not fits.all():
            row = int(np.argmin(fits))
            raise UpliftError(f"row {row + 1}: the {name} must be {allowed}, got {values[row]}")
    if not 0 < treated.sum() < len(treated):
        raise UpliftError(
            f"uplift compares treated rows with untreated ones; {int(treated.sum())} of {len(treated)} rows are treated"
        )
