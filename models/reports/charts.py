"""Charts of overall model quality; each function returns a plotly figure with a statement as its title."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots
from sklearn.metrics import precision_recall_curve, roc_curve

from data.sentences import percent
from models.arrays import Floats, Labels
from models.evaluation.intervals import wilson_interval
from models.evaluation.metrics import Contender, calibration_bins
from models.reports.colours import EVENT, NEUTRAL, OURS
from models.reports.path_charts import path_coverage_chart, path_errors_chart
from models.reports.style import Chart, bar, cut, dotted, finished, percent_ticks, shown
from models.reports.task_charts import confidence_chart, confusion_chart, coverage_chart, predicted_observed_chart

MAX_POINTS = 500
"""Maximum points of a curve; more are invisible on a screen and make the page heavy."""

_LINES = ((OURS, "solid", 3), (EVENT, "dash", 2), ("#3a9d6b", "dot", 2), ("#a06cc8", "dashdot", 2))


def training_chart(training: Sequence[float], validation: Sequence[float], best_epoch: int, n_folds: int) -> Chart:
    """Learning curves, with the epoch whose weights were kept; the means over folds."""
    figure = go.Figure()
    curves = {"training set": (training, NEUTRAL), "validation set": (validation, OURS)}
    for name, (losses, colour) in curves.items():
        if losses:
            epochs = np.arange(1, len(losses) + 1)
            figure.add_scatter(x=epochs, y=losses, name=name, mode="lines", line={"color": colour, "width": 2})
    judged, judged_name = (validation, "validation") if validation else (training, "training")
    if 1 <= best_epoch <= len(judged):
        best = {"x": [best_epoch], "y": [judged[best_epoch - 1]], "name": f"kept: epoch {best_epoch}"}
        figure.add_scatter(**best, mode="markers", marker={"color": EVENT, "size": 11, "symbol": "diamond"})
        figure.add_vline(x=best_epoch, line={"color": EVENT, "width": 1, "dash": "dot"})
    figure.update_xaxes(title="Epoch (passes over the training rows)")
    figure.update_yaxes(title="Loss (nats per row)")
    title = f"Lowest {judged_name} loss: epoch {best_epoch} of {len(training)}, whose weights were kept"
    note = "Training loss is measured during the epoch, with dropout, and may exceed the validation loss."
    if n_folds > 1:
        title = f"Lowest {judged_name} loss: epoch {best_epoch} on average, whose weights were kept"
        note += f" Means of {n_folds} folds; a stopped fold contributes the epoch that it keeps."
    return Chart(title, finished(figure), note)


def roc_chart(labels: Labels, contenders: Mapping[str, Contender], weights: Floats | None = None) -> Chart:
    """ROC curve of every contender."""
    figure = go.Figure()
    for (name, contender), line in zip(contenders.items(), lines_of(len(contenders)), strict=True):
        false_positive_rates, true_positive_rates, _ = roc_curve(labels, contender.predictions, sample_weight=weights)
        x, y = thinned(false_positive_rates, true_positive_rates)
        figure.add_scatter(x=x, y=y, name=shown(name), mode="lines", line=line)
    figure.add_scatter(x=[0, 1], y=[0, 1], name="guessing", mode="lines", line=dotted(), hoverinfo="skip")
    figure.update_xaxes(title="False positive rate", tickformat=".0%", range=[0, 1])
    figure.update_yaxes(title="True positive rate", tickformat=".0%", range=[0, 1.01])
    ours = next(iter(contenders.values()))
    return Chart(
        f"ROC AUC {ours.metrics['auc']:.3f}",
        finished(figure),
        "ROC curve on the test set. The AUC is the probability that a row with the event scores above one without it; "
        "0.5 is random.",
    )


def precision_recall_chart(labels: Labels, contenders: Mapping[str, Contender], weights: Floats | None = None) -> Chart:
    """Precision-recall curve of every contender."""
    figure = go.Figure()
    for (name, contender), line in zip(contenders.items(), lines_of(len(contenders)), strict=True):
        precision, recall, _ = precision_recall_curve(
            labels, contender.predictions, sample_weight=weights, drop_intermediate=True
        )
        x, y = thinned(recall, precision)
        figure.add_scatter(x=x, y=y, name=shown(name), mode="lines", line=line)
    rate = float(np.average(labels, weights=weights))
    figure.add_scatter(x=[0, 1], y=[rate, rate], name="guessing", mode="lines", line=dotted(), hoverinfo="skip")
    figure.update_xaxes(title="Recall", tickformat=".0%", range=[0, 1])
    figure.update_yaxes(title="Precision", tickformat=".0%", range=[0, 1.02])
    precision, recall, _ = precision_recall_curve(labels, _ours(contenders), sample_weight=weights)
    at_half = precision[recall >= 0.5].max()
    return Chart(
        f"Precision {percent(float(at_half))} at 50 % recall",
        finished(figure),
        f"Precision-recall curve on the test set. Random flagging has a precision of {percent(rate)}.",
    )


def calibration_chart(labels: Labels, probabilities: Floats, weights: Floats | None = None) -> Chart:
    """Calibration curve, with the distribution of predicted probabilities below it."""
    n_rarer = int(min(labels.sum(), len(labels) - labels.sum()))
    bins = calibration_bins(labels, probabilities, weights, n_bins=min(max(n_rarer // 20, 10), 30))
    low, high = wilson_interval(bins.observed, bins.n_effective)
    top = min(1.0, 1.05 * float(max(high.max(), bins.predicted.max())))
    edges = np.linspace(0, top, 41)
    counts, _ = np.histogram(probabilities, edges)
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.74, 0.26], vertical_spacing=0.06)
    figure.add_scatter(x=[0, top], y=[0, top], name="perfect", mode="lines", line=dotted(), hoverinfo="skip")
    figure.add_scatter(
        x=bins.predicted,
        y=bins.observed,
        error_y={"array": high - bins.observed, "arrayminus": bins.observed - low, "thickness": 1.5, "width": 4},
        name="this version, with 95 % band",
        mode="lines+markers",
        line={"color": OURS, "width": 2},
        customdata=bins.n_rows,
        hovertemplate="predicted %{x:.2%}<br>observed %{y:.2%}<br>%{customdata:,} rows<extra></extra>",
    )
    figure.add_bar(x=_centres(edges), y=counts, width=np.diff(edges), marker=bar(OURS), showlegend=False, row=2, col=1)
    figure.update_xaxes(range=[0, top], tickformat=percent_ticks(top))
    figure.update_xaxes(title="Predicted probability", row=2, col=1)
    figure.update_yaxes(title="Observed rate", range=[0, top], tickformat=percent_ticks(top), row=1, col=1)
    figure.update_yaxes(title="Rows", nticks=3, row=2, col=1)
    inside = int(((bins.predicted >= low) & (bins.predicted <= high)).sum())
    beyond = float((probabilities > top).mean())
    outside = f" {percent(beyond)} of the rows are beyond the right end of the chart." if beyond else ""
    predicted, observed = (float(np.average(of_rows, weights=weights)) for of_rows in (probabilities, labels))
    return Chart(
        f"Calibration: {percent(predicted)} predicted on average, {percent(observed)} observed",
        finished(figure, height=460),
        f"Test set in {len(bins.n_rows)} equal-count bins; bands are 95 % Wilson intervals, and {inside} of "
        f"{len(bins.n_rows)} contain the predicted probability.{outside}",
    )


def score_chart(labels: Labels, probabilities: Floats) -> Chart:
    """Score distribution of rows with and without the event, on a log-odds scale."""
    log_odds = _log_odds(np.clip(probabilities, 1e-5, 1 - 1e-5))
    edges = np.linspace(log_odds.min() - 0.1, log_odds.max() + 0.1, 51)
    figure = go.Figure()
    for name, label, colour in (("rows without the event", 0, OURS), ("rows with the event", 1, EVENT)):
        counts, _ = np.histogram(log_odds[labels == label], edges)
        shares = counts / max(counts.sum(), 1)
        figure.add_bar(
            x=_centres(edges), y=shares, width=np.diff(edges), name=name, marker=bar(colour), opacity=0.6,
            customdata=1 / (1 + np.exp(-_centres(edges))), hovertemplate="near %{customdata:.2%}: %{y:.2%}",
        )  # fmt: skip
    ticks = np.array([0.0001, 0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 0.999, 0.9999])
    ticks = ticks[(_log_odds(ticks) >= edges[0]) & (_log_odds(ticks) <= edges[-1])]
    figure.update_layout(barmode="overlay", bargap=0)
    figure.update_xaxes(title="Predicted probability (log-odds scale)", tickvals=_log_odds(ticks))
    figure.update_xaxes(ticktext=[f"{tick * 100:g} %" for tick in ticks])
    figure.update_yaxes(title="Share of the class", tickformat=".0%")
    middle = float(np.median(probabilities[labels == 1]))
    above = float((probabilities[labels == 0] >= middle).mean())
    return Chart(
        f"Half of the events score at least {percent(middle)}, as do {percent(above)} of the other rows",
        finished(figure),
        "Test set. The less they overlap, the better the classes are separated.",
    )


CHARTS: Mapping[str, Callable[[Any, Mapping[str, Contender], Floats | None], Chart]] = {
    "roc": roc_chart,
    "precision_recall": precision_recall_chart,
    "calibration": lambda targets, contenders, weights: calibration_chart(targets, _ours(contenders), weights),
    "scores": lambda targets, contenders, _: score_chart(targets, _ours(contenders)),
    "confusion": lambda targets, contenders, _: confusion_chart(targets, contenders),
    "confidence": lambda targets, contenders, _: confidence_chart(targets, contenders),
    "predicted_observed": lambda targets, contenders, _: predicted_observed_chart(targets, contenders),
    "coverage": lambda targets, contenders, _: coverage_chart(targets, contenders),
    "path_errors": lambda targets, contenders, _: path_errors_chart(targets, contenders),
    "path_coverage": lambda targets, contenders, _: path_coverage_chart(targets, contenders),
}
"""The charts of targets, predictions and weights that a task may name, see `models.contract.Task.charts`."""


def _ours(contenders: Mapping[str, Contender]) -> Floats:
    return next(iter(contenders.values())).predictions


def effects_chart(effects: Mapping[str, float], *, max_bars: int = 20) -> Chart:
    """Mean effect of each column on the log-odds, largest first."""
    strongest = sorted(effects.items(), key=lambda item: -item[1])
    first = strongest[:max_bars]
    names = [shown(name) for name, _ in first]
    sizes = [size for _, size in first]
    places = list(range(len(first)))  # positions, because two long names may be equal once cut
    figure = go.Figure()
    figure.add_bar(
        x=sizes, y=places, orientation="h", marker=bar(OURS), customdata=names, showlegend=False,
        hovertemplate="%{customdata}: %{x:.3f}<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(title="Mean effect (log-odds)", rangemode="tozero")
    figure.update_yaxes(tickvals=places, ticktext=[shown(cut(name)) for name, _ in first], autorange="reversed")
    rest = f" The other {len(strongest) - max_bars} columns have smaller effects." if len(strongest) > max_bars else ""
    title = "No column has an effect"
    if sizes and sizes[0] > 0:
        title = f"Largest effect: {cut(first[0][0])}, a factor of {np.exp(sizes[0]):.2f} in the odds on average"
    return Chart(
        title,
        finished(figure, height=110 + 26 * len(first)),
        "Mean absolute contribution of a column to the log-odds of test rows, relative to the reference row, by "
        f"integrated gradients. 0.69 doubles or halves the odds.{rest}",
    )


def thinned(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """At most MAX_POINTS points of a curve, evenly spaced along its length, including both ends."""
    if len(x) <= MAX_POINTS:
        return x, y
    length = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    kept = np.unique(np.searchsorted(length, np.linspace(0, length[-1], MAX_POINTS - 1)))
    kept = np.union1d(kept, [len(x) - 1])
    return x[kept], y[kept]


def lines_of(n_curves: int) -> list[dict[str, Any]]:
    """The line of each of several curves, ours first."""
    styles = [_LINES[i % len(_LINES)] for i in range(n_curves)]
    return [{"color": colour, "dash": dash, "width": width} for colour, dash, width in styles]


def _centres(edges: Floats) -> Floats:
    return (edges[:-1] + edges[1:]) / 2


def _log_odds(probabilities: Floats) -> Floats:
    odds: Floats = np.log(probabilities) - np.log1p(-probabilities)
    return odds
