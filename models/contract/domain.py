"""Domain: the definition of one line of business, and LiveModel: a loaded version of one of its models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any

from data.simulators import Simulation
from data.splits import Split
from data.table import Table
from models.arrays import Scores
from models.contract.answers import Answer
from models.contract.conversation import Conversation
from models.contract.policy import AlertBudget, AlertWords, CutOffs, Policy, Queue
from models.contract.rows import Columns, Row, Rows
from models.contract.task import Task
from models.contract.watching import Watch
from models.encoding import Features
from models.estimators.table_classifier import TableClassifier
from models.estimators.table_scorer import TableScorer
from models.presets import Preset

if TYPE_CHECKING:
    from models.contract.forms import Form
    from models.contract.views import View


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
    row_parts: tuple[tuple[str, ...], ...] = ()
    """Paths of the parts of a row that the body holds apart, "*" for each element of a list."""
    prediction_id_field: str | None = None
    """Body field that may hold the ID of a recorded prediction in place of a row: the recorded row is then answered by
    the version that scored it. None if the row must be sent."""
    in_thread: bool = False
    """Whether it is slow enough to run outside the event loop."""
    recorded: bool = True
    """Whether answers go to the audit log; those without a decision need not."""
    probability: Callable[[Mapping[str, Any]], Any | None] | None = None
    """Answer as JSON -> prediction to compare with its outcome; None for operations without outcomes."""
    log_fields: Callable[[Any], Mapping[str, Any]] | None = None
    """Answer -> fields added to the request's log line; None for none."""
    conversation: Conversation | None = None
    """How it goes on from earlier messages of a session; None if every request stands alone."""

    @property
    def row_places(self) -> tuple[tuple[str, ...], ...]:
        """The paths of the objects in the body that hold columns of the table."""
        return self.row_parts if self.row_path is None else (self.row_path, *self.row_parts)


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
    action_part : the `part` of the columns that describe an action of the domain, which its model chooses among; see
        `models.backtesting.off_policy_comparison`. Empty if it chooses none.
    watch : an inbox of answers to label, and figures of the monitor; None for neither.
    form : table -> the form of the scoring page; None for one input per column.
    view : (live, answer to that form as JSON) -> its view; None for the default view.
    gates : test metrics a new version must reach to go live.
    maturity_days : age of a prediction at which its outcome counts as final, for tables without windows.
    outcomes_correct : whether `--from-outcomes` adds rows with outcomes to those that the live version was trained on;
        otherwise they alone train the next one.
    grades : bounds of the probability between the domain's rating grades, ascending, in whose report predicted and
        observed rates are compared; empty if it has none.
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
    action_part: str = ""
    watch: Watch | None = None
    form: Callable[[Table], Form] | None = None
    view: Callable[[LiveModel, Mapping[str, Any]], View] | None = None
    gates: tuple[Gate, ...] = ()
    maturity_days: float = 30.0
    outcomes_correct: bool = False
    grades: tuple[float, ...] = ()

    @property
    def conversation(self) -> Operation | None:
        """The operation that goes on from earlier messages; None if the domain has none."""
        return next((one for one in self.operations if one.conversation is not None), None)

    @property
    def alert_words(self) -> AlertWords:
        """The nouns of its review queue; neutral ones if it has none."""
        return self.queue.words if self.queue else AlertWords()


@dataclass(frozen=True, kw_only=True)
class LiveModel:
    """One loaded version of a model; `policy_version` is 0 for the policy of its own bundle.

    `suspected_leaks` are inputs that are suspected to hold the target, and why, without those that the user allowed.
    """

    name: str
    version: int
    domain: Domain
    scorer: TableScorer
    policy: Policy
    policy_version: int = 0
    suspected_leaks: Mapping[str, str] = field(default_factory=dict)

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
        return (self.queue.words if self.queue else AlertWords()).positive
