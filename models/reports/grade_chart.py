"""Rating grades in the report: predicted and observed rates as a chart, and the words of their table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from data.sentences import percent
from models.evaluation.diagnostics import GradeCalibration
from models.reports.colours import EVENT, NEUTRAL, OURS
from models.reports.style import Chart, finished

TICKS = (0.0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
"""Rates that the axis may name."""


def grade_chart(grades: Sequence[GradeCalibration]) -> Chart:
    """Predicted and observed rate by grade, of which at least one has rows.

    The axis is of square roots, which show small rates and 0 beside large ones.
    """
    filled = [grade for grade in grades if grade.observed_rate is not None]
    names = [grade.grade for grade in filled]
    observed, low, high, predicted = (
        np.array([getattr(grade, name) for grade in filled], float)
        for name in ("observed_rate", "observed_low", "observed_high", "mean_predicted")
    )
    figure = go.Figure()
    y, ends = (
        np.sqrt(observed),
        {"array": np.sqrt(high) - np.sqrt(observed), "arrayminus": np.sqrt(observed) - np.sqrt(low)},
    )
    figure.add_scatter(
        x=names, y=y, mode="markers", name="observed, with 95 % interval",
        marker={"color": [EVENT if is_off(grade) else NEUTRAL for grade in filled], "size": 8},
        error_y=ends | {"color": NEUTRAL, "thickness": 1.5, "width": 4},
        customdata=observed, hovertemplate="observed %{customdata:.2%}<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=names, y=np.sqrt(predicted), mode="markers", name="predicted",
        marker={"color": OURS, "size": 10, "symbol": "diamond-open", "line": {"width": 2}},
        customdata=predicted, hovertemplate="predicted %{customdata:.2%}<extra></extra>",
    )  # fmt: skip
    top = float(max(high.max(), predicted.max()))
    ticks = _ticks(top)
    figure.update_xaxes(title="Rating grade, 1 is the safest", type="category")
    figure.update_yaxes(
        title="Rate of the event", range=[-0.02, 1.05 * float(np.sqrt(top))],
        tickvals=[float(np.sqrt(tick)) for tick in ticks], ticktext=[percent(tick) for tick in ticks],
    )  # fmt: skip
    return Chart(
        _title(filled),
        finished(figure),
        "Square-root scale. Intervals by Clopper and Pearson (1934), for each grade alone.",
    )


def is_off(grade: GradeCalibration) -> bool:
    """Whether the adjusted test finds a difference."""
    return grade.verdict in ("observed above predicted", "observed below predicted")


def grade_range(grade: GradeCalibration) -> str:
    """The probabilities of a grade, in words."""
    low, high = (f"{bound * 100:g}\N{NO-BREAK SPACE}%" for bound in (grade.low, grade.high))
    if grade.low == 0:
        return f"below {high}"
    return f"from {low}" if grade.high == 1 else f"{low} to below {high}"


def grade_note(*, weighted: bool) -> str:
    """How to read the table."""
    weights = (
        " Rows count by their weights; interval and test take the number of equal rows whose mean is as precise (Kish "
        "1965; Korn and Graubard 1998), after the weight that rows with the event have in common (Prentice and Pyke "
        "1979), which is an approximation."
        if weighted
        else ""
    )
    return (
        "p: exact two-sided binomial test of the observed rate at the grade's mean probability (twice the smaller "
        "tail), which errs on the side of no difference where the probabilities of a grade are unequal; adjusted for "
        "the number of grades by Holm (1979). The verdict follows the adjusted p at 5 %: of calibrated models, at most "
        "one in twenty is found off in any grade. The test takes events as independent; where they come together, as "
        f"in a recession, it finds differences too often (Basel Committee, working paper 14, 2005).{weights}"
    )


def _ticks(top: float) -> list[float]:
    """Named rates up to the top, far enough apart to be read."""
    kept = [0.0]
    for tick in TICKS:
        if tick <= top and np.sqrt(tick) - np.sqrt(kept[-1]) > 0.07 * np.sqrt(top):
            kept.append(tick)
    return kept


def _title(filled: Sequence[GradeCalibration]) -> str:
    off = [grade for grade in filled if is_off(grade)]
    if not off:
        return f"No difference beyond chance in {len(filled)} rating grade{'' if len(filled) == 1 else 's'}"
    return f"{len(off)} of {len(filled)} rating grades differ from their prediction beyond chance"
