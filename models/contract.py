"""Domain: the definition of one line of business. Training, storage and serving are shared and driven by it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from data.simulators import Simulation
from data.splits import Split
from data.table import Table
from models.arrays import Floats, Scores
from models.costs import AlertCosts, Costs
from models.encoding import Features
from models.estimators.table_classifier import TableClassifier
from models.estimators.table_scorer import TableScorer
from models.evaluation.metric_tables import Metric
from models.presets import Preset

if TYPE_CHECKING:
    from models.answers.forms import Form
    from models.answers.views import View
    from models.evaluation.metrics import Contender

Row: TypeAlias = Mapping[str, Any]


Rows: TypeAlias = Sequence[Row] | pd.DataFrame
"""Rows of requests, or a frame of them as returned by `data.checking.check_frame`."""


Columns: TypeAlias = dict[str, list[Any]]
"""Answer fields by name, each with one value per row."""


Targets: TypeAlias = npt.NDArray[Any]
"""Targets, shape (n_rows,): 0 or 1, the position of a level, or a number."""


Predictions: TypeAlias = Floats
"""Predictions, shape (n_rows,), or (n_rows, n_values) where each is more than one number."""


ReasonsWanted: TypeAlias = Literal["adverse", "all", "none"]


class Reason(BaseModel):
    """One column that pushed a score up."""

    column: str
    text: str = Field(description="The reason in words.")
    value: Any = Field(description="The row's value.")
    typical: Any = Field(description="The reference row's value.")
    effect: float = Field(description="Contribution of the column to the log-odds, relative to the reference row.")


class Answer(BaseModel):
    """The fields that every answer has."""

    model_config = ConfigDict(protected_namespaces=())

    prediction_id: str = Field(description="ID of this prediction.", examples=["0192f3a8c1d27d3e9b1a"])
    model: str = Field(description="Name of the model.")
    version: int = Field(description="Version of the model.")
    policy_version: int = Field(
        description="Version of the policy that made the decision; 0 is the model version's own policy."
    )
    warnings: list[str] = Field(
        default_factory=list, description="Limitations of this prediction, such as unseen categories."
    )


class Policy(BaseModel):
    """Thresholds and scales that turn a probability into a decision; versioned apart from the model."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True, kw_only=True)
class Operation:
    """An endpoint of a domain besides scoring rows and batches; becomes POST /v1/{name}/{operation name}."""

    name: str
    summary: str
    body: Callable[[Table], Any]
    """Table -> pydantic type of the request body."""
    example: Callable[[Table], Any]
    answer: type[Answer]
    respond: Callable[[LiveModel, Any, str], Answer]
    """(live, validated body, prediction ID) -> answer; RefusedBodyError for a body that breaks a rule of the domain."""
    row_path: tuple[str, ...] | None = None
    """Path of the table's row in the body, for looking up its windows; () if the body is the row."""
    prediction_id_field: str | None = None
    """Body field that may hold the ID of a recorded prediction in place of a row: the recorded row is then answered by
    the version that scored it. None if the row must be sent."""
    in_thread: bool = False
    """Whether it is slow enough to run outside the event loop."""
    recorded: bool = True
    """Whether answers go to the audit log; those without a decision need not."""
    probability: Callable[[Mapping[str, Any]], float | None] | None = None
    """Answer as JSON -> probability to compare with its outcome; None for operations without outcomes."""
    log_fields: Callable[[Any], Mapping[str, Any]] | None = None
    """Answer -> fields added to the request's log line; None for none."""


@dataclass(frozen=True)
class Gate:
    """A lower or upper bound on one test metric that a new version must meet to go live automatically."""

    metric: str
    _: KW_ONLY
    at_least: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for a gate without a bound."""
        if self.at_least is None and self.at_most is None:
            raise ValueError(f"the gate on {self.metric!r} has no bound; give at_least or at_most")

    def problem(self, value: float) -> str:
        """Why the value fails the gate; empty if it passes. NaN never passes."""
        if self.at_least is not None and not value >= self.at_least:
            return f"{self.metric} {value:.4f} is below the gate of {self.at_least:g}"
        if self.at_most is not None and not value <= self.at_most:
            return f"{self.metric} {value:.4f} is above the gate of {self.at_most:g}"
        return ""


@dataclass(frozen=True, kw_only=True)
class CutOffs:
    """Two cut-offs of the probability in a domain's policy.

    Parameters
    ----------
    lower, upper : fields of the policy. Rows below the lower get the domain's favourable decision, rows from the upper
        on are rejected, and those between are referred to a person.
    rejected : the decision for rows from the upper on.
    costs : default costs of the two errors.
    """

    lower: str
    upper: str
    rejected: str
    costs: Costs


@dataclass(frozen=True, kw_only=True)
class AlertBudget:
    """Two cut-offs of the probability that determine a policy's review workload.

    Parameters
    ----------
    lower, upper : fields of the policy. Rows from the lower on are reviewed, from the upper on blocked.
    reviewed, blocked : those two decisions.
    costs : default costs of alerting.
    """

    lower: str
    upper: str
    reviewed: str
    blocked: str
    costs: AlertCosts


@dataclass(frozen=True, kw_only=True)
class Queue:
    """The review queue of a domain's answers; see `models.records.events.alert_desk`.

    The answers have a `decision` and `reasons`.

    Parameters
    ----------
    reviewed, blocked : decisions that open an alert, or join the subject's open one.
    passed : the decision in place of `reviewed` while a cleared subject is snoozed.
    snooze_hours : the policy field with the length of that snooze.
    probability : the answer field with the probability of the positive outcome.
    subject_word : singular noun for the entity whose events share an alert.
    positive_word, negative_word : nouns for events of confirmed and of cleared alerts.
    """

    reviewed: str
    blocked: str
    passed: str
    snooze_hours: str
    probability: str
    subject_word: str
    positive_word: str
    negative_word: str


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
    target_of : (table, outcome) -> target.
    evaluate : (targets, predictions) -> metrics by key.
    metrics : those that are displayed.
    loss, losses : per-row loss for paired comparisons: its name, and (targets, predictions) -> shape (n_rows,).
    bounded_loss, bounded_losses : a per-row loss in 0..1, for anytime-valid tests.
    baselines : (training rows, targets, test rows, targets, table=, seed=) -> results of standard models.
    measures : (predictions, targets) -> observed performance of recorded predictions, with intervals.
    expected : (predictions, seed=) -> performance to be expected without outcomes.
    live_metrics : those of `measures` and `expected` that are displayed; only the first two in overviews.
    charts : names of the report's charts of targets and predictions, see `models.reports.charts.CHARTS`.
    is_binary : whether the target is one event, so that decisions and groups can be compared by its rate.
    """

    name: str
    prediction: str
    answered: Callable[[Mapping[str, Any]], Any | None]
    targets: Callable[[Table, pd.DataFrame], Targets]
    outcome_type: Any
    read_outcome: Callable[[Table, Any], Any]
    target_of: Callable[[Table, Any], float]
    evaluate: Callable[[Targets, Predictions], dict[str, float]]
    metrics: tuple[Metric, ...]
    loss: str
    losses: Callable[[Targets, Predictions], Floats]
    bounded_loss: str
    bounded_losses: Callable[[Targets, Predictions], Floats]
    baselines: Callable[..., Mapping[str, Contender]]
    measures: Callable[[Predictions, Targets], Any]
    expected: Callable[..., Any]
    summary: Summary
    live_metrics: tuple[str, ...]
    charts: tuple[str, ...]
    is_binary: bool = False


@dataclass(frozen=True, kw_only=True)
class Domain:
    """The definition of one line of business; its file or folder in `models/domains` must define DOMAIN.

    Parameters
    ----------
    name : equals the name of the file or folder; the command-line argument and the default model name.
    summary : the answers, in one sentence.
    intended_use, not_for : intended and out-of-scope uses, stated in every model card.
    table : of the simulated rows, the default training data.
    simulate : (n_rows, seed) -> simulated rows.
    n_simulated_rows, split : default number of simulated rows, and how they are split.
    policy, answer : the types of the decision rules and of an answer.
    task : what is predicted.
    restrict_inputs : table -> the table with its permitted inputs, e.g. without protected ones.
    build : (table, preset, seed) -> an untrained model.
    stored_types : the domain's own classes in a trained model, each with `stored_as` and `stored_fields`, see
        `models.registry.stored_types`.
    decide : (policy, scores, rows, table of the rows) -> the answer's own fields. Pure, and separate from scoring, so
        that many policies can be tried on rows scored once.
    explain : (live, row, encoded row, the row's decided fields) -> the answer fields that explain them, including
        `reasons` (the columns that pushed the score up most); None if the domain has no explanations.
    adverse : decisions that are explained by default.
    favourable, accepted : the favourable decision, and a noun for those who get it: the reference group of reasons.
        If empty, the reference group is the rows without the event.
    operations : endpoints besides scoring.
    cut_offs : the policy's cut-offs, which can then be chosen from costs and rates; None if it has none.
    alert_budget : the policy's alert cut-offs, which can then be chosen from a daily review budget or from costs;
        None if it has none. A domain has at most one of `cut_offs` and `alert_budget`.
    queue : the review queue; None if there is none.
    form : table -> the form of the scoring page; None for one input per column.
    view : (live, answer to that form as JSON) -> its view; None for the default view.
    gates : test metrics a new version must reach to go live.
    """

    name: str
    summary: str
    intended_use: str
    not_for: tuple[str, ...]
    table: Table
    simulate: Callable[[int, int], Simulation]
    n_simulated_rows: int
    split: Split
    policy: type[Policy]
    answer: type[Answer]
    task: Task
    restrict_inputs: Callable[[Table], Table]
    build: Callable[[Table, Preset, int], TableScorer]
    decide: Callable[[Any, Scores, Rows, Table], Columns]
    stored_types: tuple[type, ...] = ()
    explain: Callable[[LiveModel, Row, Features, Mapping[str, Any]], Mapping[str, Any]] | None = None
    adverse: frozenset[str] = frozenset()
    favourable: str = ""
    accepted: str = ""
    operations: tuple[Operation, ...] = ()
    cut_offs: CutOffs | None = None
    alert_budget: AlertBudget | None = None
    queue: Queue | None = None
    form: Callable[[Table], Form] | None = None
    view: Callable[[LiveModel, Mapping[str, Any]], View] | None = None
    gates: tuple[Gate, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LiveModel:
    """One loaded version of a model; `policy_version` is 0 for the policy of its own bundle."""

    name: str
    version: int
    domain: Domain
    scorer: TableScorer
    policy: Policy
    policy_version: int = 0

    @property
    def classifier(self) -> TableClassifier:
        """The scorer of a binary model, for log-odds, reasons and traces; TypeError for other tasks."""
        if not isinstance(self.scorer, TableClassifier):
            raise TypeError(f"{self.domain.name!r} predicts {self.domain.task.name}; this needs a binary model")
        return self.scorer

    @property
    def table(self) -> Table:
        """The columns this version was trained on."""
        return self.scorer.table

    def decide(self, scores: Scores, rows: Rows) -> Columns:
        """The answers' own fields under its policy; see `Domain`."""
        return self.domain.decide(self.policy, scores, rows, self.table)

    @property
    def queue(self) -> Queue | None:
        """The review queue; None if events are not stored, as reviews need them."""
        return self.domain.queue if self.table.windows else None

    @property
    def positive_word(self) -> str:
        """The positive label, as spelled in requests and files."""
        return self.queue.positive_word if self.queue else "positive"
