"""The report of a trained version: one HTML page that needs nothing else, not even a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from plotly.offline import get_plotlyjs

from data.table import Table
from models import report_audit_charts as audit_charts
from models import report_charts as charts
from models import report_sentences as sentences
from models.audit import Audit
from models.evaluation import Comparison, Contender, compare
from models.report_style import Chart, percent
from models.report_tables import METRICS, column_rows, contender_rows, decision_rows, in_words
from models.scoring import Floats, Labels

LITTLE_SIGNAL_BELOW = 0.65
"""An AUC below this says more about the columns than about the model."""


@dataclass(frozen=True, kw_only=True)
class ReportData:
    """What a report shows.

    Parameters
    ----------
    source, note : where the rows came from, and what their reader must know.
    n_rows : of the sets "train", "validation" and "test".
    training_curve, validation_curve : loss after each epoch; the latter may be empty. `best_epoch` counts from 1.
    n_folds : 1, or the number of folds, made of the sets "train" and "validation", that the curves are the means of.
    origin : what the model went on from, in words; empty if it was trained anew. `best_epoch` 0 is the start itself.
    labels, probabilities, decisions : of the test rows; `decisions` is empty if the domain takes none on single rows.
    contenders : by name; this version first, the champion, if there is one, under a name that begins with "champion".
    comparison : of this version with the champion, None if there is none.
    why : what says why it went live or did not. `promoted` : which of the two, None if that is not decided yet.
    policy : thresholds and scales by name.
    audit : what was measured on groups of rows, and what moves the answer.
    training_frame : the checked training rows.
    packages : versions by name.
    """

    name: str
    domain: str
    created: datetime
    source: str
    note: str
    split_description: str
    preset: str
    seed: int
    n_rows: Mapping[str, int]
    table: Table
    training_curve: Sequence[float]
    validation_curve: Sequence[float]
    best_epoch: int
    n_folds: int = 1
    origin: str = ""
    labels: Labels
    probabilities: Floats
    contenders: Mapping[str, Contender]
    comparison: Comparison | None
    why: str
    promoted: bool | None = None
    decisions: Sequence[str]
    policy: Mapping[str, Any]
    audit: Audit
    training_frame: pd.DataFrame
    packages: Mapping[str, str]

    @property
    def ours(self) -> Contender:
        """The contender that this report is about."""
        return next(iter(self.contenders.values()))

    @property
    def event(self) -> str:
        """What is predicted, in words."""
        target = self.table.target
        return target.name if target.positive is None else f"{target.name} = {target.positive}"


def render_report(data: ReportData) -> str:
    """The whole page as HTML. It loads nothing and follows the light or dark colours of its reader's browser."""
    environment = Environment(
        loader=PackageLoader("models"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["percent"] = percent
    comparisons, audit = _comparisons(data), data.audit
    return environment.get_template("report.html.jinja").render(
        data=data,
        audit=audit,
        findings=_findings(data),
        summary=_summary(data, comparisons),
        verdict=_verdict(data),
        warnings=_warnings(data),
        metrics=METRICS,
        contenders=contender_rows(data.contenders),
        charts=_charts(data),
        curve_charts=audit_charts.curve_charts(audit.effect_curves),
        groups_chart=audit_charts.groups_chart(audit.segments),
        impact_chart=audit_charts.impact_chart(audit.fairness) if audit.fairness else None,
        protection=sentences.protection_sentences(audit),
        column_sentence=sentences.column_sentence,
        proxy_sentences=[sentences.proxy_sentence(proxies) for proxies in audit.proxies],
        decisions=decision_rows(data.decisions, data.labels, data.probabilities),
        columns=column_rows(data.table, data.training_frame),
        plotly_js=get_plotlyjs(),
    )


def _findings(data: ReportData) -> list[str]:
    return sentences.findings(
        data.audit,
        n_rows=len(data.labels),
        predicted=float(data.probabilities.mean()),
        observed=float(data.labels.mean()),
        calibration_error=data.ours.metrics["calibration_error"],
    )


def _charts(data: ReportData) -> dict[str, Chart]:
    training = charts.training_chart(data.training_curve, data.validation_curve, data.best_epoch, data.n_folds)
    if data.origin and not data.best_epoch:
        training = replace(
            training, title="No pass over the new rows lowered the validation loss; no weight was changed"
        )
    return {
        "training": training,
        "roc": charts.roc_chart(data.labels, data.contenders),
        "precision_recall": charts.precision_recall_chart(data.labels, data.contenders),
        "calibration": charts.calibration_chart(data.labels, data.probabilities),
        "scores": charts.score_chart(data.labels, data.probabilities),
        "effects": charts.effects_chart(data.audit.effects),
        "shifts": audit_charts.shift_chart(data.audit.stability),
    }


def _comparisons(data: ReportData) -> dict[str, Comparison]:
    """Ours against each other contender; against the champion, the comparison that decided."""
    others = {name: other for name, other in data.contenders.items() if other is not data.ours}
    return {
        name: data.comparison
        if data.comparison is not None and name.startswith("champion")
        else compare(data.labels, data.probabilities, other.probabilities, data.seed)
        for name, other in others.items()
    }


def _summary(data: ReportData, comparisons: Mapping[str, Comparison]) -> list[str]:
    """What the model is, how good it is, and against what: a paragraph each."""
    n_rows, auc = data.n_rows, data.ours.metrics["auc"]
    what = (
        f"This {data.domain} model gives the probability of “{data.event}”, from {len(data.audit.effects)} columns. "
        f"{_training(data)}"
    )
    good = (
        f"On {n_rows['test']:,} test rows that it had never seen, it ranks a row with the event above one without it "
        f"in {percent(auc)} of the pairs (50 % is guessing). It predicts {percent(float(data.probabilities.mean()))} "
        f"on average, and {percent(float(data.labels.mean()))} came about."
    )
    against = [f"Against {name} it is {in_words(comparison)}." for name, comparison in comparisons.items()]
    return [what, good, *against]


def _training(data: ReportData) -> str:
    n_train, n_validation = data.n_rows["train"], data.n_rows["validation"]
    if data.origin:
        return f"It is {data.origin} with {n_train:,} new rows and calibrated on {n_validation:,} more."
    if data.n_folds == 1:
        return f"It is a neural network, trained on {n_train:,} rows and calibrated on {n_validation:,} more."
    return (
        f"It is the mean of neural networks for {data.n_folds} folds of {n_train + n_validation:,} rows, each trained "
        f"on the rows outside its fold, stopped in time by those inside, and calibrated on them."
    )


def _verdict(data: ReportData) -> str:
    """Whether it went live, and why."""
    outcome = {True: "It went live", False: "It did not go live", None: "Verdict"}[data.promoted]
    return f"{outcome}: {data.why.rstrip('.')}."


def _warnings(data: ReportData) -> list[str]:
    """What nobody may overlook."""
    warnings = [data.note] if data.note else []
    auc = data.ours.metrics["auc"]
    if auc < LITTLE_SIGNAL_BELOW or "little signal" in data.note.lower():
        warnings.append(
            f"The raw columns hold little signal (AUC {auc:.3f}). What a row cannot say about itself, its history may: "
            "counts, sums and rates of past days, by customer, terminal or ad, usually help more than a bigger model."
        )
    return warnings
