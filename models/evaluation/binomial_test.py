"""Exact binomial test and interval of an observed rate, and Holm's adjustment for several tests.

Test and interval are of one kind: the p value is below 0.05 exactly where the probability lies outside the interval.
"""

from __future__ import annotations

from collections.abc import Sequence

from scipy.special import betainc, betaincinv

LEVEL = 0.05


def exact_p_value(n_events: float, n_rows: float, probability: float) -> float:
    """Two-sided p value of `n_events` in `n_rows` rows that have the event with `probability` each.

    Twice the smaller tail of the binomial distribution, at most 1 (Clopper and Pearson 1934). For rows of unequal
    probabilities with that mean it is conservative: they vary less (Hoeffding 1956). By the incomplete beta function,
    which also takes effective counts of weighted rows (Korn and Graubard 1998).
    """
    as_many = float(betainc(n_events, n_rows - n_events + 1, probability)) if n_events > 0 else 1.0
    as_few = float(betainc(n_rows - n_events, n_events + 1, 1 - probability)) if n_events < n_rows else 1.0
    return min(2 * min(as_many, as_few), 1.0)


def exact_interval(n_events: float, n_rows: float) -> tuple[float, float]:
    """95 % interval of the rate, within 0..1 (Clopper and Pearson 1934)."""
    low = float(betaincinv(n_events, n_rows - n_events + 1, LEVEL / 2)) if n_events > 0 else 0.0
    high = float(betaincinv(n_events + 1, n_rows - n_events, 1 - LEVEL / 2)) if n_events < n_rows else 1.0
    return low, high


def holm(p_values: Sequence[float]) -> list[float]:
    """P values adjusted for being several (Holm 1979, Scandinavian Journal of Statistics 6).

    If none of the tested statements is false, one of them is below `LEVEL` with at most that probability, however the
    tests depend on each other.
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted, largest = [1.0] * len(p_values), 0.0
    for n_smaller, place in enumerate(order):
        largest = max(largest, min((len(p_values) - n_smaller) * p_values[place], 1.0))
        adjusted[place] = largest
    return adjusted
