"""The data of a version's training report and model card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd

from data.table import Table
from models.arrays import Floats
from models.contract import AlertWords, Predictions, Targets, Task
from models.evaluation.diagnostics import Diagnostics
from models.evaluation.metrics import Comparison, Contender
from models.reports.alert_report import AlertReport
from models.reports.sentences import findings

LITTLE_SIGNAL_BELOW = 0.65
"""Test AUC below which a warning on weak features is shown."""


@dataclass(frozen=True, kw_only=True)
class ReportData:
    """The data of report and card.

    Parameters
    ----------
    source, note : where the rows came from, and their caveats.
    n_rows : of the sets "train", "validation" and "test".
    training_curve, validation_curve : loss after each epoch; the latter may be empty. `best_epoch` counts from 1.
    n_folds : number of folds of the sets "train" and "validation" that the curves are averaged over, or 1.
    origin : what the model was refined from, in words; empty if trained from scratch. `best_epoch` 0 is the start.
    labels, predictions, weights, decisions : of the test rows; `weights` is None if the table has none, `decisions` is
        empty if the domain decides no single rows.
    contenders : by name; this version first; the name of a champion begins with "champion".
    comparison : of this version with the champion, None if there is none.
    why : reason of the promotion decision. `promoted` : the decision, None if pending.
    leaks : inputs that are suspected to hold the target, and why.
    policy : thresholds and scales by name.
    diagnostics : see `models.evaluation.diagnostics`.
    alerts, alert_words : alert metrics on the test rows, None for domains without alerts, and for rows without times;
        and the domain's nouns for them.
    training_frame : the checked training rows.
    packages : versions by name.
    """

    name: str
    domain: str
    task: Task
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
    labels: Targets
    predictions: Predictions
    weights: Floats | None = None
    contenders: Mapping[str, Contender]
    comparison: Comparison | None
    why: str
    promoted: bool | None = None
    decisions: Sequence[str]
    policy: Mapping[str, Any]
    diagnostics: Diagnostics
    alerts: AlertReport | None = None
    alert_words: AlertWords = field(default_factory=AlertWords)
    training_frame: pd.DataFrame
    packages: Mapping[str, str]
    leaks: Mapping[str, str] = field(default_factory=dict)

    @property
    def ours(self) -> Contender:
        """The contender of this version."""
        return next(iter(self.contenders.values()))

    @property
    def event(self) -> str:
        """The predicted event, in words."""
        target = self.table.target
        return target.name if target.positive is None else f"{target.name} = {target.positive}"

    @property
    def n_columns(self) -> int:
        """Number of the model's input columns."""
        return len(self.table.features)

    @property
    def verdict(self) -> str:
        """The promotion decision and its reason."""
        outcome = {True: "It went live", False: "It did not go live", None: "Verdict"}[self.promoted]
        return f"{outcome}: {self.why.rstrip('.')}."

    @property
    def findings(self) -> list[str]:
        """Main findings on the test set, see `models.reports.sentences.findings`."""
        return findings(self.task, self.diagnostics, self.labels, self.predictions, self.weights)

    @property
    def warnings(self) -> list[str]:
        """Warnings shown at the top."""
        warnings = [f"Suspected leak: “{column}” {why}." for column, why in self.leaks.items()]
        warnings += [self.note] if self.note else []
        auc = self.ours.metrics.get("auc", 1.0)
        if auc < LITTLE_SIGNAL_BELOW or "little signal" in self.note.lower():
            warnings.append(
                f"The raw columns hold little signal (AUC {auc:.3f}). History usually helps more than a bigger model: "
                "counts, sums and rates of past days, by customer, terminal or ad."
            )
        return warnings
