"""Charts of multiclass and quantile predictions."""

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
    """Confusion matrix, normalised by row."""
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
        f"Accuracy {percent(float(np.trace(counts) / len(targets)))}",
        finished(figure),
        "Confusion matrix of the test set, normalised by observed level.",
    )


def confidence_chart(targets: Targets, contenders: Mapping[str, Contender]) -> Chart:
    """Accuracy by top probability, in deciles of the rows."""
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
    figure.update_xaxes(title="Top probability", tickformat=".0%", range=[0, 1])
    figure.update_yaxes(title="Accuracy", tickformat=".0%", range=[0, 1])
    return Chart(
        f"Mean top probability {percent(float(confidence.mean()))}, accuracy {percent(float(right.mean()))}",
        finished(figure),
        "Calibration on the test set, in deciles of the top probability.",
    )


def predicted_observed_chart(targets: Targets, contenders: Mapping[str, Contender]) -> Chart:
    """Observed values against the predicted median."""
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
        f"Mean absolute error of the median {np.abs(targets - middle).mean():.4g}",
        finished(figure),
        f"Test rows, at most {MAX_DOTS:,} of them.",
    )


def coverage_chart(targets: Targets, contenders: Mapping[str, Contender]) -> Chart:
    """Interval coverage by decile of the predicted median."""
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
    figure.update_yaxes(title="Coverage", tickformat=".0%", range=[0, 1.02])
    return Chart(
        f"Interval coverage {percent(float(inside.mean()))}",
        finished(figure),
        "By decile of the predicted median; a calibrated interval has the same coverage everywhere.",
    )


def _ours(contenders: Mapping[str, Contender]) -> Floats:
    return next(iter(contenders.values())).predictions
