"""The charts of predictions that are no single probability: of several levels, and of a number's quantiles."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from data.sentences import percent
from models.arrays import Floats
from models.contract import Targets
from models.evaluation.intervals import wilson_interval
from models.evaluation.metrics import Contender
from models.reports.colours import OURS
from models.reports.style import Chart, dotted, finished

N_GROUPS = 10
MAX_DOTS = 2_000


def confusion_chart(targets: Targets, contenders: Mapping[str, Contender]) -> Chart:
    """How often each level was predicted where each level was observed; rows add up to 1."""
    probabilities = _ours(contenders)
    n_levels = probabilities.shape[1]
    counts = np.zeros((n_levels, n_levels))
    np.add.at(counts, (targets, probabilities.argmax(axis=1)), 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    names = [f"level {number}" for number in range(1, n_levels + 1)]
    figure = go.Figure()
    figure.add_heatmap(
        z=shares, x=names, y=names, zmin=0, zmax=1, colorscale=[[0, "rgba(59,130,196,0.05)"], [1, OURS]],
        texttemplate="%{z:.0%}", showscale=False,
        hovertemplate="observed %{y}<br>predicted %{x}: %{z:.1%}<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(title="Predicted level, in the target's order")
    figure.update_yaxes(title="Observed level", autorange="reversed")
    return Chart(
        f"The most probable level is right in {percent(float(np.trace(counts) / len(targets)))} of the test rows",
        finished(figure),
        "Confusion matrix of the test rows; each row shows what was predicted where its level was observed.",
    )


def confidence_chart(targets: Targets, contenders: Mapping[str, Contender]) -> Chart:
    """Accuracy against the probability of the most probable level, in tenths of the rows."""
    probabilities = _ours(contenders)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == targets
    groups = [group for group in np.array_split(np.argsort(confidence, kind="stable"), N_GROUPS) if len(group)]
    predicted = np.array([confidence[group].mean() for group in groups])
    observed = np.array([right[group].mean() for group in groups])
    low, high = wilson_interval(observed, np.array([len(group) for group in groups]))
    figure = go.Figure()
    figure.add_scatter(x=[0, 1], y=[0, 1], name="perfect", mode="lines", line=dotted(), hoverinfo="skip")
    figure.add_scatter(
        x=predicted, y=observed, name="this version, with 95 % band", mode="lines+markers",
        line={"color": OURS, "width": 2}, error_y={"array": high - observed, "arrayminus": observed - low},
    )  # fmt: skip
    figure.update_xaxes(title="Probability of the most probable level", tickformat=".0%", range=[0, 1])
    figure.update_yaxes(title="Share of rows in which it is right", tickformat=".0%", range=[0, 1])
    return Chart(
        f"{percent(float(confidence.mean()))} of the predictions should be right, {percent(float(right.mean()))} are",
        finished(figure),
        "Calibration on the test rows, in tenths by the probability of the most probable level.",
    )


def predicted_observed_chart(targets: Targets, contenders: Mapping[str, Contender]) -> Chart:
    """Observed numbers against the median that was predicted."""
    quantiles = _ours(contenders)
    some = np.linspace(0, len(targets) - 1, min(len(targets), MAX_DOTS)).astype(int)
    middle = quantiles[:, quantiles.shape[1] // 2]
    ends = [float(min(middle.min(), targets.min())), float(max(middle.max(), targets.max()))]
    figure = go.Figure()
    figure.add_scatter(x=ends, y=ends, name="perfect", mode="lines", line=dotted(), hoverinfo="skip")
    figure.add_scatter(
        x=middle[some], y=targets[some], name="test rows", mode="markers",
        marker={"color": OURS, "size": 5, "opacity": 0.5},
    )  # fmt: skip
    figure.update_xaxes(title="Predicted median")
    figure.update_yaxes(title="Observed")
    return Chart(
        f"The median is off by {np.abs(targets - middle).mean():.4g} on average",
        finished(figure),
        f"Test rows, at most {MAX_DOTS:,} of them.",
    )


def coverage_chart(targets: Targets, contenders: Mapping[str, Contender]) -> Chart:
    """Share of the rows inside the interval, in tenths by the predicted median."""
    quantiles = _ours(contenders)
    inside = (quantiles[:, 0] <= targets) & (targets <= quantiles[:, -1])
    middle = quantiles[:, quantiles.shape[1] // 2]
    groups = [group for group in np.array_split(np.argsort(middle, kind="stable"), N_GROUPS) if len(group)]
    observed = np.array([inside[group].mean() for group in groups])
    low, high = wilson_interval(observed, np.array([len(group) for group in groups]))
    figure = go.Figure()
    figure.add_scatter(
        x=np.array([middle[group].mean() for group in groups]), y=observed, name="inside, with 95 % band",
        mode="lines+markers", line={"color": OURS, "width": 2},
        error_y={"array": high - observed, "arrayminus": observed - low},
    )  # fmt: skip
    figure.update_xaxes(title="Predicted median")
    figure.update_yaxes(title="Rows inside the interval", tickformat=".0%", range=[0, 1.02])
    return Chart(
        f"{percent(float(inside.mean()))} of the test rows lie inside the interval",
        finished(figure),
        "In tenths by the predicted median; an interval that means what it says covers the same share everywhere.",
    )


def _ours(contenders: Mapping[str, Contender]) -> Floats:
    return next(iter(contenders.values())).predictions
