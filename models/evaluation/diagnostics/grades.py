"""Calibration of the probabilities by rating grade, by exact binomial tests adjusted for their number."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from models.arrays import Floats, Labels
from models.evaluation.binomial_test import LEVEL, exact_interval, exact_p_value, holm
from models.evaluation.diagnostics.results import GradeCalibration, GradeVerdict
from models.evaluation.metrics import effective_rows
from models.evaluation.row_groups import MIN_ROWS


def grade_calibration(
    bounds: Sequence[float], labels: Labels, probabilities: Floats, weights: Floats | None = None
) -> tuple[GradeCalibration, ...]:
    """Predicted against observed rate of each grade, from the safest to the riskiest.

    The test is the binomial one at the mean probability of the grade, as in the validation of internal ratings (Basel
    Committee on Banking Supervision, working paper 14, 2005), and its p values are adjusted over the grades that have
    rows. It takes the events as independent: where they come together, as in a recession, it finds too much.

    Weighted rows count as their `effective_rows`. Where rows with the event weigh other than those without, as in a
    sample of the latter, the odds among the rows are those of the population divided by that ratio (Prentice and Pyke
    1979). Test and interval are of the rows as drawn; the interval is then given for the population.

    Parameters
    ----------
    bounds : between the grades, ascending; a probability that equals one belongs to the riskier grade.
    labels, probabilities, weights : of the test rows; those of weight 0 do not count.
    """
    counted = np.ones(len(labels)) if weights is None else weights
    rows = counted > 0
    labels, probabilities, counted = labels[rows], probabilities[rows], counted[rows]
    codes = np.searchsorted(np.asarray(bounds), probabilities, side="right")
    ratio = _weight_of_events(codes, labels, counted)
    found = []
    for grade, (low, high) in enumerate(pairwise([0.0, *bounds, 1.0])):
        rows = codes == grade
        named = GradeCalibration(grade=str(grade + 1), low=low, high=high, n_rows=int(rows.sum()))
        if rows.any():
            named = _tested(named, labels[rows], probabilities[rows], counted[rows], ratio)
        found.append(named)
    return _adjusted(found)


def _weight_of_events(codes: npt.NDArray[np.intp], labels: Labels, weights: Floats) -> float:
    """Mean weight of rows with the event / of those without it in the same grade, averaged over the grades."""
    sums = [np.bincount(2 * codes + labels, of_rows, 2 * codes.max(initial=0) + 2) for of_rows in (weights, None)]
    weight, n_rows = (found.reshape(-1, 2) for found in sums)
    both = n_rows.min(axis=1) > 0
    if not both.any():
        return 1.0
    means, counted = weight[both] / n_rows[both], n_rows[both].prod(axis=1) / n_rows[both].sum(axis=1)
    return float(np.exp(np.average(np.log(means[:, 1] / means[:, 0]), weights=counted)))


def _tested(
    named: GradeCalibration, labels: Labels, probabilities: Floats, weights: Floats, ratio: float
) -> GradeCalibration:
    drawn = weights / np.where(labels == 1, ratio, 1.0)
    n_effective, predicted = effective_rows(len(labels), drawn), float(np.average(probabilities, weights=weights))
    n_events = n_effective * float(np.average(labels, weights=drawn))
    low, high = exact_interval(n_events, n_effective)
    return named.model_copy(
        update={
            "too_few": n_effective < MIN_ROWS,
            "mean_predicted": predicted,
            "observed_rate": float(np.average(labels, weights=weights)),
            "observed_low": _with_odds_times(ratio, low),
            "observed_high": _with_odds_times(ratio, high),
            "p_value": exact_p_value(n_events, n_effective, _with_odds_times(1 / ratio, predicted)),
        }
    )


def _with_odds_times(factor: float, probability: float) -> float:
    return probability * factor / (probability * factor + 1 - probability)


def _adjusted(found: Sequence[GradeCalibration]) -> tuple[GradeCalibration, ...]:
    """The grades with adjusted p values, and the verdicts that follow from them."""
    adjusted = iter(holm([grade.p_value for grade in found if grade.p_value is not None]))
    told = []
    for grade in found:
        p_value = None if grade.p_value is None else next(adjusted)
        told.append(grade.model_copy(update={"adjusted_p_value": p_value, "verdict": _verdict(grade, p_value)}))
    return tuple(told)


def _verdict(grade: GradeCalibration, adjusted_p_value: float | None) -> GradeVerdict:
    if adjusted_p_value is None or grade.observed_rate is None or grade.mean_predicted is None:
        return "no rows"
    if adjusted_p_value < LEVEL:
        above = grade.observed_rate > grade.mean_predicted
        return "observed above predicted" if above else "observed below predicted"
    return "too few rows to tell" if grade.too_few else "in line"
