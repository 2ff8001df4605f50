"""Domain: what one line of business provides. Training, storing and serving are shared and read everything from it."""

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
"""Rows as they were asked about, or a frame of them as `data.checking.check_frame` gives it."""


Columns: TypeAlias = dict[str, list[Any]]
"""Fields of answers by name, each with a value for each row."""


Targets: TypeAlias = npt.NDArray[Any]
"""What was predicted of each row, shape (n_rows,): 0 or 1, the position of a level, or a number."""


Predictions: TypeAlias = Floats
"""What is said of each row; shape (n_rows,), or (n_rows, n_values) where that is more than a number."""


ReasonsWanted: TypeAlias = Literal["adverse", "all", "none"]


class Reason(BaseModel):
    """Why a score is as high as it is: one column that pushed it up."""

    column: str
    text: str = Field(description="The reason in words.")
    value: Any = Field(description="What the row holds.")
    typical: Any = Field(description="What the typical row of those holds whom the reasons compare with.")
    effect: float = Field(description="Share of the column in the log-odds above those of the reference row.")


class Answer(BaseModel):
    """What every answer carries."""

    model_config = ConfigDict(protected_namespaces=())

    prediction_id: str = Field(description="Name of this answer.", examples=["0192f3a8c1d27d3e9b1a"])
    model: str = Field(description="Name of the model that answered.")
    version: int = Field(description="Its version.")
    policy_version: int = Field(description="The policy that decided; 0 is the one that came with the version.")
    warnings: list[str] = Field(default_factory=list, description="What the model had to do without.")


class Policy(BaseModel):
    """Thresholds and scales that turn a probability into a decision; versioned apart from the model."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True, kw_only=True)
class Operation:
    """Something a domain answers besides single rows and batches of rows; becomes POST /v1/{name}/{operation name}."""

    name: str
    summary: str
    body: Callable[[Table], Any]
    """Type of the request body for a table, as pydantic understands types."""
    example: Callable[[Table], Any]
    answer: type[Answer]
    respond: Callable[[LiveModel, Any, str], Answer]
    """(live, validated body, prediction id) -> answer; RefusedBodyError for a body that breaks a rule of the domain."""
    row_path: tuple[str, ...] | None = None
    """Where in the body a row of the table stands, whose windows are then looked up; () if the body is one."""
    prediction_id_field: str | None = None
    """The field of the body that may name a recorded prediction instead: its row is put in place, and the version that
    made it responds. None where the row has to be sent."""
    in_thread: bool = False
    """Whether it takes so long that other requests must be answered meanwhile."""
    recorded: bool = True
    """Whether it belongs into the audit log; what decides nothing does not."""
    probability: Callable[[Mapping[str, Any]], float | None] | None = None
    """Answer as JSON -> the probability of what its outcome will tell; None where outcomes have nothing to tell."""
    log_fields: Callable[[Any], Mapping[str, Any]] | None = None
    """Answer -> what the service's line about the request keeps of it, by name; None for nothing."""


@dataclass(frozen=True)
class Gate:
    """A bound on one test metric, from below or from above, that a new version must keep to go live by itself."""

    metric: str
    _: KW_ONLY
    at_least: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        """Refuse a gate that is always open."""
        if self.at_least is None and self.at_most is None:
            raise ValueError(f"the gate on {self.metric!r} has no bound; give at_least or at_most")

    def problem(self, value: float) -> str:
        """Why a metric of this value does not pass, in words; empty if it does. NaN passes no gate."""
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
    lower, upper : fields of the policy. Rows below the lower get the domain's favourable decision, from the upper on
        they are rejected; those between are left to a person.
    rejected : the decision of those from the upper on.
    costs : of the two errors, if nobody names others.
    """

    lower: str
    upper: str
    rejected: str
    costs: Costs


@dataclass(frozen=True, kw_only=True)
class AlertBudget:
    """Two cut-offs of the probability that decide how much work a domain's policy makes for those who review.

    Parameters
    ----------
    lower, upper : fields of the policy. Rows from the lower on are reviewed, from the upper on blocked.
    reviewed, blocked : those two decisions.
    costs : of alerting, if nobody names others.
    """

    lower: str
    upper: str
    reviewed: str
    blocked: str
    costs: AlertCosts


@dataclass(frozen=True, kw_only=True)
class Queue:
    """Which of a domain's answers people review; see `models.records.events.alert_desk`.

    The answers have a `decision` and `reasons`.

    Parameters
    ----------
    reviewed, blocked : decisions that open an alert, or join the one that is open for the subject.
    passed : the decision in place of `reviewed` while a subject is left alone that was cleared.
    snooze_hours : the field of the policy that says for how long it is.
    probability : the field of the answer with the probability of what people look for.
    subject_word : what people review, in the singular: whose events make one alert.
    positive_word, negative_word : an event whose alert was confirmed, and one whose alert was cleared.
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
    """The one number that an answer is counted by, in histograms and where its drift is measured.

    Parameters
    ----------
    field : of an answer, that holds it.
    title, unit : as people are shown it.
    bounds : upper bounds of the buckets of its histogram, inclusive, rising.
    of : predictions -> that number of each row.
    """

    field: str
    title: str
    unit: str
    bounds: tuple[float, ...]
    of: Callable[[Predictions], Floats]


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is predicted, and what follows from that for training, reports, monitoring and rollouts; see `models.tasks`.

    Parameters
    ----------
    prediction : the name, among a model's `Scores`, of what is judged.
    answered : an answer as JSON -> the prediction that it holds; None if it holds none.
    targets : (table, checked rows) -> targets; TableError where the table's target is of another task.
    outcome_type : of an outcome that is told later, as pydantic understands types.
    read_outcome : (table, outcome, maybe as text) -> outcome; OutcomeError for one that the target cannot have.
    target_of : (table, outcome) -> target.
    evaluate : (targets, predictions) -> metrics by key.
    metrics : those that people are shown.
    loss, losses : of a row, for paired comparisons: its name, and (targets, predictions) -> shape (n_rows,).
    bounded_loss, bounded_losses : another one that lies in 0..1, for tests that may be looked at at any time.
    baselines : (training rows, targets, test rows, targets, table=, seed=) -> what usual models reach.
    measures : (predictions, targets) -> how good recorded predictions were, with intervals.
    expected : (predictions, seed=) -> how good they can be expected to be before any outcome is known.
    live_metrics : of `measures` and `expected`, those that are shown; the first two where there is little room.
    charts : names of the report's charts of targets and predictions, see `models.reports.charts.CHARTS`.
    is_binary : whether rows have or lack one event, so that decisions and groups of rows can be judged by its rate.
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
    """What one line of business provides; its file or folder in `models/domains` ends in one of these, named DOMAIN.

    Parameters
    ----------
    name : equals that of the file or folder; becomes the command-line argument and the default model name.
    summary : what is answered, in a sentence.
    intended_use, not_for : what its models are made for, and what not; every model card says so.
    table : of the simulated rows that are trained on if nothing else is named.
    simulate : (n_rows, seed) -> such rows.
    n_simulated_rows, split : how many of them, and how they are divided.
    policy, answer : the types of the decision rules and of an answer.
    task : what is predicted.
    restrict_inputs : the table that may be used of a table that was given, e.g. without protected inputs.
    build : (table, preset, seed) -> an untrained model.
    stored_types : classes of its own that a trained model is made of, each with `stored_as` and `stored_fields`, see
        `models.registry.stored_types`.
    decide : (policy, scores, rows, table of the rows) -> the answer's own fields. Pure: the network has run before, so
        that many policies can decide about rows that were scored once.
    account : (live, row, encoded row, the row's fields as decided) -> the answer fields that explain them, `reasons`
        (what pushed the score up most) among them; None if the domain explains nothing.
    adverse : decisions that are explained unasked.
    favourable, accepted : the decision that everyone hopes for, and what those are called who get it: reasons compare
        with them. Empty: reasons compare with the rows without the event.
    operations : what is answered besides rows.
    cut_offs : how its policy decides by cut-offs, which can then be chosen from costs and rates; None if it does not.
    alert_budget : how its policy makes alerts, which can then be chosen from the reviews that a day has room for, or
        from what alerting costs; None if it makes none. A domain has at most one of the two.
    queue : which answers people look at; None if they look at none.
    form : table -> the inputs of the page that scores by hand; None for one input a column.
    view : (live, answer to that form as JSON) -> what the page shows of it; None for one made from its fields.
    gates : what a new version must reach before it may go live.
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
    """One version of one model, ready to answer; `policy_version` is 0 for the policy of its own bundle."""

    name: str
    version: int
    domain: Domain
    scorer: TableScorer
    policy: Policy
    policy_version: int = 0

    @property
    def classifier(self) -> TableClassifier:
        """The scorer, for what only binary models can say: log-odds, reasons, traces."""
        if not isinstance(self.scorer, TableClassifier):
            raise TypeError(f"{self.domain.name!r} predicts {self.domain.task.name}; this needs a binary model")
        return self.scorer

    @property
    def table(self) -> Table:
        """The columns this version was trained on."""
        return self.scorer.table

    def decide(self, scores: Scores, rows: Rows) -> Columns:
        """The answers' own fields by its policy; see `Domain`."""
        return self.domain.decide(self.policy, scores, rows, self.table)

    @property
    def queue(self) -> Queue | None:
        """Which of its answers people look at; None where answers are not stored, for people look later."""
        return self.domain.queue if self.table.windows else None

    @property
    def positive_word(self) -> str:
        """The name of the label, as requests and files may spell it."""
        return self.queue.positive_word if self.queue else "positive"
