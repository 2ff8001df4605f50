"""The training report of a version: one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from models.evaluation.measures import auc_interval, ks_interval
from models.evaluation.metrics import Comparison, compare
from models.reports import charts, diagnostic_charts, sentences
from models.reports.alert_report import budget_chart
from models.reports.grade_chart import grade_chart, grade_note, grade_range
from models.reports.pages import render_page
from models.reports.report_data import ReportData
from models.reports.style import Chart
from models.reports.tables import column_rows, contender_rows, decision_rows, in_words


def render_report(data: ReportData) -> str:
    """The whole page as HTML, see `models.reports.pages`."""
    comparisons, diagnostics = _comparisons(data), data.diagnostics
    return render_page(
        "report.html.jinja",
        data=data,
        diagnostics=diagnostics,
        findings=data.findings,
        summary=_summary(data, comparisons),
        verdict=data.verdict,
        warnings=data.warnings,
        metrics=data.task.metrics,
        contenders=contender_rows(data.task.metrics, data.contenders),
        charts=_charts(data),
        curve_charts=diagnostic_charts.curve_charts(diagnostics.effect_curves),
        grades_chart=grade_chart(diagnostics.grades) if diagnostics.grades else None,
        grade_range=grade_range,
        grade_note=grade_note(weighted=data.weights is not None),
        groups_chart=diagnostic_charts.groups_chart(diagnostics.segments),
        impact_chart=diagnostic_charts.impact_chart(diagnostics.fairness) if diagnostics.fairness else None,
        protection=sentences.protection_sentences(diagnostics),
        column_sentence=sentences.column_sentence,
        proxy_sentences=[sentences.proxy_sentence(proxies) for proxies in diagnostics.proxies],
        decisions=decision_rows(data.decisions, data.labels, data.predictions),
        budget_chart=_budget_chart(data),
        columns=column_rows(data.table, data.training_frame),
    )


def _budget_chart(data: ReportData) -> Chart | None:
    points = data.alerts.by_budget if data.alerts else ()
    return budget_chart(points, data.alert_words) if points else None


def _charts(data: ReportData) -> dict[str, Chart]:
    training = charts.training_chart(data.training_curve, data.validation_curve, data.best_epoch, data.n_folds)
    if data.origin and not data.best_epoch:
        training = replace(
            training, title="No epoch on the new rows lowered the validation loss; the weights are unchanged"
        )
    return {
        "training": training,
        **{name: charts.CHARTS[name](data.labels, data.contenders, data.weights) for name in data.task.charts},
        **({"effects": charts.effects_chart(data.diagnostics.effects)} if data.diagnostics.effects else {}),
        "shifts": diagnostic_charts.shift_chart(data.diagnostics.stability),
    }


def _comparisons(data: ReportData) -> dict[str, Comparison]:
    """Comparisons of this version with each contender; for the champion, the one that decided."""
    others = {name: other for name, other in data.contenders.items() if other is not data.ours}
    losses = partial(data.task.losses, data.labels)
    return {
        name: data.comparison
        if data.comparison is not None and name.startswith("champion")
        else compare(losses(data.predictions), losses(other.predictions), data.weights, seed=data.seed)
        for name, other in others.items()
    }


def _summary(data: ReportData, comparisons: Mapping[str, Comparison]) -> list[str]:
    """The model, its metrics and its comparisons, a paragraph each."""
    what = f"This {data.domain} model predicts “{data.event}” from {data.n_columns} columns. {_training(data)}"
    figures = [f"{one.title} {data.ours.metrics[one.key]:.3f}" for one in data.task.metrics if one.headline]
    good = f"On {data.n_rows['test']:,} test rows: {', '.join(figures)}."
    against = [
        f"Against {name} it is {in_words(comparison, data.task.loss)}." for name, comparison in comparisons.items()
    ]
    first = data.task.findings(data.labels, data.predictions)
    return [*first, what, *_weighting(data), good, *_intervals(data), *against]


def _intervals(data: ReportData) -> list[str]:
    """95 % intervals of AUC, Gini and KS on the test rows, for events alone."""
    if not data.task.is_binary or min(data.labels.sum(), len(data.labels) - data.labels.sum()) < 2:
        return []
    rows = data.predictions, data.labels, data.weights
    auc, ks = auc_interval(*rows), ks_interval(*rows)
    measures = {"AUC": auc, "Gini": [2 * value - 1 for value in auc], "KS": ks}
    said = [f"{name} {value:.3f} ({low:.3f} to {high:.3f})" for name, (value, low, high) in measures.items()]
    return [f"With 95 % intervals: {', '.join(said)}."]


def _weighting(data: ReportData) -> list[str]:
    """What the row weights of the table count in; nothing without weights."""
    if data.table.weight is None:
        return []
    return [
        f"Rows count by their “{data.table.weight.name}” in training, early stopping, calibration, the baselines and "
        "all metrics, and in quality by group; decisions, selection rates and shifts count every row once."
    ]


def _training(data: ReportData) -> str:
    n_train, n_validation = data.n_rows["train"], data.n_rows["validation"]
    if data.origin:
        return f"It is {data.origin} with {n_train:,} new rows and calibrated on {n_validation:,} more."
    if data.n_folds == 1:
        return f"It is a neural network, trained on {n_train:,} rows and calibrated on {n_validation:,} more."
    return (
        f"It is the mean of neural networks for {data.n_folds} folds of {n_train + n_validation:,} rows, each trained "
        f"on the rows outside its fold, with early stopping and calibration on those inside."
    )
