"""Task: what is predicted, and what depends on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from data.table import Table
from models.arrays import Floats
from models.contract.rows import Predictions, Targets
from models.evaluation.metric_tables import Metric

if TYPE_CHECKING:
    from models.evaluation.metrics import Contender


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The one number that represents an answer in histograms and drift measurements.

    Parameters
    ----------
    field : the answer field that holds it.
    title, unit : as displayed.
    bounds : upper bounds of the histogram's buckets, inclusive, ascending.
    of : predictions -> that number for each row.
    """

    field: str
    title: str
    unit: str
    bounds: tuple[float, ...]
    of: Callable[[Predictions], Floats]


@dataclass(frozen=True, kw_only=True)
class Task:
    """A prediction task, and what depends on it in training, reports, monitoring and rollouts; see `models.tasks`.

    Parameters
    ----------
    prediction : name of the evaluated predictions among a model's `Scores`.
    answered : answer as JSON -> its prediction, or None.
    targets : (table, checked rows) -> targets; TableError if the table's target does not fit the task.
    outcome_type : pydantic type of a reported outcome.
    read_outcome : (table, outcome, possibly as text) -> outcome; OutcomeError for one that is no value of the target.
    target_of : (table, outcome) -> target of one row: a number, or an array.
    evaluate : (targets, predictions, weights or None) -> metrics by key.
    metrics : those that are displayed.
    loss, losses : per-row loss for paired comparisons: its name, and (targets, predictions) -> shape (n_rows,).
    bounded_loss, bounded_losses : a per-row loss in 0..1, for anytime-valid tests.
    constant : (table, training rows, their targets, predictions of the rows to predict) -> the same prediction for
        every row, learned without inputs, such as the base rate. Units that differ from row to row are those of the
        given predictions.
    beats_constant : whether a version must be better than that; otherwise it must only not be worse.
    baselines : (training rows, targets, test rows, targets, table=, seed=) -> results of standard models; rows count by
        the weights that the table names.
    measures : (predictions, targets) -> observed performance of recorded predictions, with intervals.
    expected : (predictions, seed=) -> performance to be expected without outcomes.
    live_metrics : those of `measures` and `expected` that are displayed; only the first two in overviews.
    charts : names of the report's charts of targets and predictions, see `models.reports.charts.CHARTS`.
    findings : (targets, predictions) of the test rows -> sentences that the report begins with.
    is_binary : whether the target is one event, so that decisions and groups can be compared by its rate.
    """

    name: str
    prediction: str
    answered: Callable[[Mapping[str, Any]], Any | None]
    targets: Callable[[Table, pd.DataFrame], Targets]
    outcome_type: Any
    read_outcome: Callable[[Table, Any], Any]
    target_of: Callable[[Table, Any], Any]
    evaluate: Callable[..., dict[str, float]]
    metrics: tuple[Metric, ...]
    loss: str
    losses: Callable[[Targets, Predictions], Floats]
    bounded_loss: str
    bounded_losses: Callable[[Targets, Predictions], Floats]
    constant: Callable[[Table, pd.DataFrame, Targets, Predictions], Predictions]
    baselines: Callable[..., Mapping[str, Contender]]
    measures: Callable[[Predictions, Targets], Any]
    expected: Callable[..., Any]
    summary: Summary
    live_metrics: tuple[str, ...]
    charts: tuple[str, ...]
    findings: Callable[[Targets, Predictions], Sequence[str]] = lambda *_: ()
    beats_constant: bool = True
    is_binary: bool = False
