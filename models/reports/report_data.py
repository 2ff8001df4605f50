"""What is told about a trained version: the facts of its report and of its model card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from data.table import Table
from models.contract import Predictions, Targets, Task
from models.evaluation.diagnostics import Diagnostics
from models.evaluation.metrics import Comparison, Contender
from models.reports.alert_report import AlertReport
from models.reports.sentences import findings

LITTLE_SIGNAL_BELOW = 0.65
"""An AUC below this says more about the columns than about the model."""


@dataclass(frozen=True, kw_only=True)
class ReportData:
    """What report and card show.

    Parameters
    ----------
    source, note : where the rows came from, and what their reader must know.
    n_rows : of the sets "train", "validation" and "test".
    training_curve, validation_curve : loss after each epoch; the latter may be empty. `best_epoch` counts from 1.
    n_folds : 1, or the number of folds, made of the sets "train" and "validation", that the curves are the means of.
    origin : what the model went on from, in words; empty if it was trained anew. `best_epoch` 0 is the start itself.
    labels, predictions, decisions : of the test rows; `decisions` is empty if the domain takes none on single rows.
    contenders : by name; this version first, the champion, if there is one, under a name that begins with "champion".
    comparison : of this version with the champion, None if there is none.
    why : what says why it went live or did not. `promoted` : which of the two, None if that is not decided yet.
    policy : thresholds and scales by name.
    diagnostics : what was measured on groups of rows, and what moves the answer.
    alerts : what alerts find among the test rows; None for a domain without alerts, and for rows without times.
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
    contenders: Mapping[str, Contender]
    comparison: Comparison | None
    why: str
    promoted: bool | None = None
    decisions: Sequence[str]
    policy: Mapping[str, Any]
    diagnostics: Diagnostics
    alerts: AlertReport | None = None
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

    @property
    def n_columns(self) -> int:
        """Columns that the model reads."""
        return len(self.table.of_role("feature", "time"))

    @property
    def verdict(self) -> str:
        """Whether it went live, and why."""
        outcome = {True: "It went live", False: "It did not go live", None: "Verdict"}[self.promoted]
        return f"{outcome}: {self.why.rstrip('.')}."

    @property
    def findings(self) -> list[str]:
        """The findings on the test set in a few sentences; see `models.reports.sentences.findings`."""
        return findings(self.task, self.diagnostics, self.labels, self.predictions)

    @property
    def warnings(self) -> list[str]:
        """What nobody may overlook."""
        warnings = [self.note] if self.note else []
        auc = self.ours.metrics.get("auc", 1.0)
        if auc < LITTLE_SIGNAL_BELOW or "little signal" in self.note.lower():
            warnings.append(
                f"The raw columns hold little signal (AUC {auc:.3f}). What a row cannot say about itself, its history "
                "may: counts, sums and rates of past days, by customer, terminal or ad, usually help more than a "
                "bigger model."
            )
        return warnings
