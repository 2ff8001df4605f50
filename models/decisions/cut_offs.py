"""Cut-offs of a probability of the bad outcome: from the costs of errors, or from a target rate.

Rows below a cut-off are accepted ("approved"), the others rejected ("declined"); a band around it can go to a person.
All functions are pure. `probabilities` and `labels` have the shape (n_rows,); a label is 1 where the outcome was bad.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.arrays import Floats, Labels
from models.costs import Costs
from models.errors import CutOffError

ABOVE_ALL = 1.0
"""The cut-off that accepts every row except those certain to be bad."""


_ROUNDING = 1e-9
"""0.29 of 100 rows are 29, though 0.29 * 100 is a little less."""


@dataclass(frozen=True)
class CheapestCutOff:
    """The cheapest cut-off on some rows in hindsight, and its cost per row."""

    cut_off: float
    cost: float


def least_cost_cut_off(costs: Costs) -> float:
    """The probability at which accepting and rejecting cost the same on average, if calibrated.

    Accepting costs p * accepted_bad, rejecting (1 - p) * rejected_good: equal at rejected_good / (accepted_bad +
    rejected_good), whatever the rows. C. Elkan, The Foundations of Cost-Sensitive Learning, IJCAI 2001, equation 2.
    """
    return costs.rejected_good / (costs.accepted_bad + costs.rejected_good)


def least_cost_band(costs: Costs) -> tuple[float, float]:
    """The lower and the upper cut-off of least expected cost, for calibrated probabilities.

    A row is referred where that costs less than accepting, p * accepted_bad, and than rejecting, (1 - p) *
    rejected_good. C. K. Chow, On optimum recognition error and reject tradeoff, IEEE Trans. Inf. Theory 16, 1970. If
    it never does, or has no cost, both are `least_cost_cut_off`.
    """
    cut_off, referred = least_cost_cut_off(costs), costs.referred
    if referred is None or referred >= cut_off * costs.accepted_bad:
        return cut_off, cut_off
    return referred / costs.accepted_bad, 1 - referred / costs.rejected_good


def cheapest_cut_off(probabilities: Floats, labels: Labels, costs: Costs) -> CheapestCutOff:
    """The cut-off of least observed cost on these rows; the lowest of several. Overfits small samples."""
    ordered, n_bad_below = _counted(probabilities, labels)
    n_below = np.append(0, np.arange(1, len(ordered) + 1))
    n_good_above = (len(labels) - labels.sum()) - (n_below - n_bad_below)
    total = costs.accepted_bad * n_bad_below + costs.rejected_good * n_good_above
    ends = _ends_of_ties(ordered)
    best = ends[np.argmin(total[ends])]
    return CheapestCutOff(_cut_above(ordered, best), float(total[best]) / len(labels))


def cut_off_for_acceptance_rate(probabilities: Floats, rate: float) -> float:
    """The largest cut-off that accepts at most this share of the rows, 0 < rate <= 1.

    Rows of equal probability are accepted together or not at all, so many ties can leave the share below the rate.
    """
    rate = _checked_rate("approval rate", rate, zero_is_allowed=False)
    return _cut_above(np.sort(probabilities), math.floor(rate * len(probabilities) + _ROUNDING))


def cut_off_for_bad_rate(probabilities: Floats, labels: Labels, rate: float) -> float:
    """The largest cut-off with at most this observed share of bad rows among those it accepts, 0 <= rate < 1.

    Raises CutOffError if every cut-off that accepts any row exceeds it; the text has the lowest possible rate.
    """
    rate = _checked_rate("bad rate", rate, zero_is_allowed=True)
    ordered, n_bad_below = _counted(probabilities, labels)
    n_below = _ends_of_ties(ordered)[1:]
    rates = n_bad_below[n_below] / n_below
    reached = n_below[rates <= rate]
    if not len(rates):
        raise CutOffError("no cut-off accepts any of these rows: the model is certain that all of them are bad")
    if not len(reached):
        least = int(np.argmin(rates))
        raise CutOffError(
            f"no cut-off has a bad rate of at most {rate:g} among those it accepts; the least on these {len(labels):,} "
            f"rows is {rates[least]:.4f}, which accepts {n_below[least]:,} of them"
        )
    return _cut_above(ordered, int(reached[-1]))


def band_around(probabilities: Floats, cut_off: float, share: float) -> tuple[float, float]:
    """The lower and the upper cut-off that refer a share of the rows, those nearest to the cut-off.

    Half of the band's rows (rounded down) lie below the cut-off, the others from it on; a side with fewer rows gives
    all it has. Rows of equal probability stay together outside the band, so it never holds more than the share.

    Parameters
    ----------
    share : of all rows, 0 <= share < 1; at 0 both cut-offs are the one given.
    """
    share = _checked_rate("share to refer", share, zero_is_allowed=True)
    ordered = np.sort(probabilities)
    n_below_cut = int(np.searchsorted(ordered, cut_off))
    n_band = math.floor(share * len(ordered) + _ROUNDING)
    n_from_below = min(n_band // 2, n_below_cut)
    n_from_above = min(n_band - n_band // 2, len(ordered) - n_below_cut)
    lower = upper = cut_off
    if n_from_below:
        first = n_below_cut - n_from_below
        if first and ordered[first] == ordered[first - 1]:  # the whole tie would not fit
            first = int(np.searchsorted(ordered, ordered[first], side="right"))
        lower = float(ordered[first]) if first < n_below_cut else cut_off
    if n_from_above:
        upper = _cut_above(ordered, n_below_cut + n_from_above)
    return lower, upper


def _counted(probabilities: Floats, labels: Labels) -> tuple[Floats, npt.NDArray[np.int64]]:
    """The sorted probabilities, and the number of bad rows among the first 0, 1, ..., n_rows of them."""
    order = np.argsort(probabilities, kind="stable")
    return probabilities[order], np.append(0, np.cumsum(labels[order]))


def _ends_of_ties(ordered: Floats) -> npt.NDArray[np.intp]:
    """0 and every number of first rows that a cut-off can accept: after each run of equal probabilities below 1."""
    ends = np.flatnonzero(np.diff(ordered, append=np.inf)) + 1
    return np.append(0, ends[: np.searchsorted(ordered[ends - 1], ABOVE_ALL)])


def _cut_above(ordered: Floats, n_below: int) -> float:
    """The largest cut-off with at most this many of the ordered probabilities below it."""
    return float(ordered[n_below]) if n_below < len(ordered) else ABOVE_ALL


def _checked_rate(name: str, rate: float, *, zero_is_allowed: bool) -> float:
    """A valid share."""
    if zero_is_allowed and not 0 <= rate < 1:
        raise CutOffError(f"the {name} must be at least 0 and below 1, got {rate:g}")
    if not zero_is_allowed and not 0 < rate <= 1:
        raise CutOffError(f"the {name} must be above 0 and at most 1, got {rate:g}")
    return rate
