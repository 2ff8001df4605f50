"""Charts of the diagnostics: impact ratios, calibration by group, stability, and effect curves."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import plotly.graph_objects as go

from models.evaluation.diagnostics import (
    Fairness,
    GroupQuality,
    ImpactRatio,
    MeanEffectCurve,
    Segment,
    Shift,
    Stability,
)
from models.evaluation.diagnostics.fairness import FOUR_FIFTHS
from models.evaluation.psi import SHIFTED_FROM, WATCH_FROM
from models.reports.colours import EVENT, NEUTRAL, OURS
from models.reports.style import Chart, bar, cut, dotted, finished, percent_ticks, shown

MAX_GROUPS_SHOWN = 30
MAX_SHIFTS_SHOWN = 20
_ROW_HEIGHT = 24
_BAND = "rgba(59,130,196,0.25)"


def impact_chart(fairness: Fairness) -> Chart | None:
    """Adverse-impact ratios with intervals and the four-fifths line; None without a ratio."""
    names: list[tuple[str, list[str]]] = []
    impacts: list[ImpactRatio] = []
    for column in fairness.columns:
        compared = [(group.group, group.impact) for group in column.groups if group.impact is not None]
        names.append((column.label, [name for name, _ in compared]))
        impacts += [impact for _, impact in compared]
    if not impacts:
        return None
    figure = go.Figure()
    places, height = _lay_out(figure, names)
    middles, lows, highs = (np.array([getattr(i, end) for i in impacts]) for end in ("ratio", "low", "high"))
    figure.add_scatter(
        x=middles, y=places, mode="markers", marker={"color": OURS, "size": 9}, name="ratio, with 95 % interval",
        error_x={"array": highs - middles, "arrayminus": middles - lows, "thickness": 1.5, "width": 4},
        customdata=np.stack([lows, highs], axis=1), showlegend=False,
        hovertemplate="%{x:.3f}, 95 % interval %{customdata[0]:.3f} to %{customdata[1]:.3f}<extra></extra>",
    )  # fmt: skip
    figure.add_vline(x=1, line=dotted())
    figure.add_vline(x=FOUR_FIFTHS, line={"color": EVENT, "width": 1.5, "dash": "dash"})
    most = min(max(float(highs.max()), 1.05), 2.0)
    figure.update_xaxes(title="Adverse-impact ratio")
    figure.update_xaxes(range=[max(min(float(lows.min()), 0.7) - 0.05, 0), most + 0.05])
    n_below, n_maybe = (sum(i.four_fifths == verdict for i in impacts) for verdict in ("below", "may be below"))
    return Chart(
        f"Four-fifths rule: {n_below} of {len(impacts)} groups below, {n_maybe} possibly below",
        finished(figure, height=height),
        "Share of a group that gets the decision, divided by that of the reference group. The dashed line is 0.8. "
        "Below: the whole interval lies under it. The reference is the group with the highest selection rate among "
        "those with enough rows. Intervals: log-ratio, delta method (Katz et al. 1978).",
    )


def groups_chart(segments: Sequence[Segment]) -> Chart | None:
    """Predicted and observed rates by group, for the first columns; None if no group has enough rows."""
    names: list[tuple[str, list[str]]] = []
    groups: list[GroupQuality] = []
    sizes = accumulate(len(segment.groups) for segment in segments)
    for segment, n_so_far in zip(segments, sizes, strict=True):
        enough = [group for group in segment.groups if not group.too_few]
        if n_so_far <= MAX_GROUPS_SHOWN or not groups:
            names.append((segment.label, [group.group for group in enough]))
            groups += enough
    if not groups:
        return None
    observed = np.array([group.observed_rate for group in groups])
    predicted = np.array([group.mean_predicted for group in groups])
    low = np.array([group.observed_low for group in groups])
    high = np.array([group.observed_high for group in groups])
    figure = go.Figure()
    places, height = _lay_out(figure, names)
    figure.add_scatter(
        x=observed, y=places, mode="markers", marker={"color": NEUTRAL, "size": 8}, name="observed, with 95 % interval",
        error_x={"array": high - observed, "arrayminus": observed - low, "thickness": 1.5, "width": 4},
        hovertemplate="observed %{x:.2%}<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=predicted, y=places, mode="markers", name="predicted", hovertemplate="predicted %{x:.2%}<extra></extra>",
        marker={"color": OURS, "size": 10, "symbol": "diamond-open", "line": {"width": 2}},
    )  # fmt: skip
    top = float(max(high.max(), predicted.max()))
    figure.update_xaxes(
        title="Rate of the event", rangemode="tozero", tickformat=percent_ticks(top), nticks=8, tickangle=0
    )
    n_within = sum(group.within_chance for group in groups)
    return Chart(
        f"{n_within} of {len(groups)} groups are calibrated within chance",
        finished(figure, height=height),
        "Groups with enough test rows. Even with a perfect model, about 1 in 20 groups has its predicted rate outside "
        "the 95 % interval (Wilson) of the observed rate.",
    )


def shift_chart(stability: Stability) -> Chart:
    """Population stability index of the score and of the most shifted columns."""
    shifts = [stability.score, *stability.columns[: MAX_SHIFTS_SHOWN - 1]]
    colours = {"stable": OURS, "within chance": OURS, "watch": "#c9a227", "shifted": EVENT}
    places = list(range(len(shifts)))
    figure = go.Figure()
    figure.add_bar(
        x=[shift.psi for shift in shifts], y=places, orientation="h", showlegend=False,
        marker=bar(OURS) | {"color": [colours[shift.reading] for shift in shifts]},
        customdata=[shown(shift.label) for shift in shifts], hovertemplate="%{customdata}: %{x:.4f}<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=[shift.by_chance for shift in shifts], y=places, mode="markers", name="95 % limit by chance",
        marker={"color": NEUTRAL, "symbol": "line-ns-open", "size": 14, "line": {"width": 2}},
        hovertemplate="95 % limit by chance: %{x:.4f}<extra></extra>",
    )  # fmt: skip
    figure.add_vline(x=WATCH_FROM, line=dotted())
    figure.add_vline(x=SHIFTED_FROM, line={"color": EVENT, "width": 1.5, "dash": "dash"})
    largest = max(max(shift.psi, shift.by_chance) for shift in shifts)
    figure.update_xaxes(title="Population stability index", range=[0, max(1.05 * largest, 0.28)])
    figure.update_yaxes(tickvals=places, ticktext=[shown(cut(shift.label)) for shift in shifts], autorange="reversed")
    n_left = len(stability.columns) + 1 - len(shifts)
    rest = f" The other {n_left} columns shifted less." if n_left else ""
    return Chart(
        _shift_title([stability.score, *stability.columns]),
        finished(figure, height=100 + _ROW_HEIGHT * len(shifts)),
        f"Training rows against {stability.recent}. Below {WATCH_FROM} is stable, from {SHIFTED_FROM} on shifted "
        f"(Siddiqi 2006).{rest}",
    )


def _shift_title(shifts: Sequence[Shift]) -> str:
    most = max(shifts, key=lambda shift: shift.psi)
    moved = sum(shift.reading in ("watch", "shifted") for shift in shifts)
    if moved:
        return f"{moved} of {len(shifts)} distributions shifted, most {cut(most.label)} (PSI {most.psi:.2f})"
    return f"No shift: the largest PSI is {most.psi:.3f}"


def curve_charts(curves: Sequence[MeanEffectCurve]) -> list[Chart]:
    """One small chart per column, all with the same probability scale."""
    top = max((max(curve.high) for curve in curves), default=1.0)
    return [_curve_chart(curve, min(1.05 * top, 1.0)) for curve in curves]


def _curve_chart(curve: MeanEffectCurve, top: float) -> Chart:
    figure = go.Figure()
    draw = _draw_levels if isinstance(curve.values[0], str) else _draw_numbers
    height = draw(figure, curve, {"range": [0, top], "tickformat": percent_ticks(top)})
    return Chart(curve.label, finished(figure, height=height), direction_words(curve))


def _draw_numbers(figure: go.Figure, curve: MeanEffectCurve, probability_axis: dict[str, Any]) -> int:
    """Draw a line with its band; returns the height."""
    edge = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    figure.add_scatter(x=curve.values, y=curve.high, **edge)
    figure.add_scatter(x=curve.values, y=curve.low, **edge, fill="tonexty", fillcolor=_BAND)
    figure.add_scatter(
        x=curve.values, y=curve.mean, mode="lines+markers" if len(curve.values) <= 12 else "lines", showlegend=False,
        line={"color": OURS, "width": 2.5}, hovertemplate="%{x:,.6~g}: %{y:.2%}<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(title=shown(curve.unit), nticks=6)
    figure.update_yaxes(**probability_axis, nticks=5)
    return 240


def _draw_levels(figure: go.Figure, curve: MeanEffectCurve, probability_axis: dict[str, Any]) -> int:
    """Draw a point and bar per level, top down; returns the height."""
    mean, places = np.array(curve.mean), list(range(len(curve.values)))
    band = {"array": curve.high - mean, "arrayminus": mean - curve.low, "width": 0, "thickness": 8, "color": _BAND}
    figure.add_scatter(
        x=mean, y=places, mode="markers", marker={"color": OURS, "size": 8}, showlegend=False,
        error_x=band, customdata=[shown(str(value)) for value in curve.values],
        hovertemplate="%{customdata}: %{x:.2%}<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(**probability_axis, nticks=3, tickangle=0)
    texts = [shown(cut(str(value), 16)) for value in curve.values]
    figure.update_yaxes(tickvals=places, ticktext=texts, range=[len(places) - 0.5, -0.5])
    return max(240, 80 + 18 * len(places))


def direction_words(curve: MeanEffectCurve) -> str:
    """The direction in the table, and the result of its check; empty without a direction."""
    if not curve.direction:
        return ""
    arrow, promise = ("↑", "never falls") if curve.direction > 0 else ("↓", "never rises")
    if curve.monotone:
        return f"{arrow} Checked: {promise}, in {curve.n_steps:,} steps of {curve.n_rows:,} rows."
    broken = f"in {curve.n_violations:,} of {curve.n_steps:,} steps it does"
    return f"{arrow} Violated: the table says that it {promise}; {broken}."


def _lay_out(figure: go.Figure, names: list[tuple[str, list[str]]]) -> tuple[list[int], int]:
    """Write headings, each with names under it, on the vertical axis.

    Returns
    -------
    place of each name, and the height of the figure.
    """
    places: list[int] = []
    texts: list[str] = []
    for heading, of_column in names:
        if of_column:
            texts.append(f"<b>{shown(cut(heading))}</b>")
            places += range(len(texts), len(texts) + len(of_column))
            texts += [shown(cut(name)) for name in of_column]
    figure.update_yaxes(tickvals=list(range(len(texts))), ticktext=texts, range=[len(texts) - 0.5, -0.5])
    return places, 110 + _ROW_HEIGHT * len(texts)
