"""ServedModel: one live version with everything that its requests need, made once and never changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

from pydantic import TypeAdapter, ValidationError

from data.rows import row_adapter
from models.answers.respond import respond
from models.contract import Answer, LiveModel, Operation, ReasonsWanted, Row
from models.encoding import Features
from models.errors import EventError, RefusedBodyError
from models.records.audit_log.personal import PersonalData
from models.records.audit_log.record import BATCH, PredictionRecord, Role, features_digest
from models.records.events.event_log import EventLog
from models.registry.audit_settings import DEFAULT as RECORD_ALL
from models.registry.audit_settings import AuditSettings
from models.registry.live import with_policy
from models.registry.policies import StoredPolicy
from models.registry.rollouts import Rollout
from service.errors import FieldError, InvalidRequestError, UnknownOperationError
from service.live.batch_answer import BatchAnswer
from service.requests.bodies import is_crowded
from service.requests.call import Call
from service.requests.field_errors import MAX_VALUES, crowded_error, json_pointer, refusal_error, request_error, shown

Recall: TypeAlias = Callable[["ServedModel", str, str], tuple[LiveModel, Row]]
"""(what answers, the field, the id of a prediction in it) -> the version that made the prediction, and its row."""

LABELS = "labels"
VALUES_PER_INPUT = 1_000
"""So many times the table's inputs may a body hold that is no batch; a ranking holds the inputs of 200 ads."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ServedOperation:
    """An operation with the checker of its bodies and the writer of its answers."""

    operation: Operation
    body: TypeAdapter[Any]
    answer: TypeAdapter[Answer]


@dataclass(frozen=True, eq=False)
class Operated:
    """What came of a request to an operation: its checked body, the answer as JSON, and what the log is to keep."""

    body: Any
    answer: bytes
    log_fields: Mapping[str, Any]


@dataclass(frozen=True, eq=False, kw_only=True)
class ServedModel:
    """A live version, its request checkers and answer writers.

    Parameters
    ----------
    bundled : the live version as it was loaded, with the policy of its bundle.
    digest : of the bundle; tells whether the registry still means this version.
    row, answer : of `score`.
    batch_answer, batch_writer : the type of what `batch` answers, and its writer.
    operations : by name.
    personal : what the audit log keeps of values that must not be stored as they are.
    events : of a version whose table has windows: what they look back on, and where rows are stored with their answers.
    audit : how its predictions are recorded.
    role : as what it answers.
    challenger, rollout : of a champion, who challenges it, and how; None for nobody.
    """

    live: LiveModel
    bundled: LiveModel
    digest: str
    row: TypeAdapter[dict[str, Any]]
    answer: TypeAdapter[Answer]
    batch_answer: type[BatchAnswer[Any]]
    batch_writer: TypeAdapter[BatchAnswer[Any]]
    operations: Mapping[str, ServedOperation]
    personal: PersonalData
    events: EventLog | None = None
    audit: AuditSettings = RECORD_ALL
    role: Role = "champion"
    challenger: ServedModel | None = None
    rollout: Rollout | None = None

    @classmethod
    def of(cls, live: LiveModel, digest: str, *, personal_key: bytes = b"") -> ServedModel:
        """Build checkers and writers; takes milliseconds, so it is done when a version goes live.

        Parameters
        ----------
        personal_key : of the hashes of personal columns; a table that has such columns needs one.
        """
        domain = live.domain
        batch_answer: type[BatchAnswer[Any]] = BatchAnswer[domain.answer]  # type: ignore[name-defined]
        return cls(
            live=live,
            bundled=live,
            digest=digest,
            row=row_adapter(live.table),
            answer=TypeAdapter(domain.answer),
            batch_answer=batch_answer,
            batch_writer=TypeAdapter(batch_answer),
            operations={
                operation.name: ServedOperation(
                    operation=operation,
                    body=TypeAdapter(operation.body(live.table)),
                    answer=TypeAdapter(operation.answer),
                )
                for operation in domain.operations
            },
            personal=PersonalData(live.table, personal_key),
        )

    def with_policy(self, policy: StoredPolicy | None) -> ServedModel:
        """The same version under a stored policy, or that of its bundle; only the decisions differ.

        Raises
        ------
        UnreadablePolicyError
            The policy is none that this installation knows, or does not fit the version.
        """
        return replace(self, live=with_policy(self.bundled, policy))

    def with_event_log(self, events: EventLog | None) -> ServedModel:
        """The same version with the events that its windows look back on."""
        return replace(self, events=events)

    def with_audit_settings(self, audit: AuditSettings) -> ServedModel:
        """The same version with its predictions recorded in another way."""
        return replace(self, audit=audit)

    def without_challenger(self) -> ServedModel:
        """The same version as a champion that nobody challenges."""
        if self.role == "champion" and self.rollout is None:
            return self
        return replace(self, role="champion", challenger=None, rollout=None)

    def challenged_by(self, challenger: ServedModel, rollout: Rollout) -> ServedModel:
        """The same version, challenged by another one."""
        return replace(self, challenger=replace(challenger.without_challenger(), role=rollout.mode), rollout=rollout)

    def for_prediction(self, prediction_id: str) -> ServedModel:
        """What answers this prediction: this version, or its canary."""
        if self.rollout is not None and self.challenger is not None and self.rollout.gives(prediction_id):
            return self.challenger
        return self

    @property
    def shadow(self) -> ServedModel | None:
        """What answers the same rows unheard."""
        return self.challenger if self.challenger is not None and self.challenger.role == "shadow" else None

    @cached_property
    def row_names(self) -> frozenset[str]:
        """What its rows hold, windows among it."""
        return frozenset(column.name for column in (*self.live.table.inputs, *self.live.table.windows))

    @property
    def answering(self) -> list[ServedModel]:
        """The version itself and its canary."""
        return [self] if self.challenger is None or self.shadow is not None else [self, self.challenger]

    def record(
        self,
        prediction_id: str,
        action: str,
        request: Any,
        answer: str,
        *,
        call: Call,
        reasons: str = "",
        digest: str = "",
        n_rows: int = 1,
    ) -> PredictionRecord:
        """What is to be recorded of something that was answered, see `PredictionRecord`."""
        live = self.live
        return PredictionRecord(
            prediction_id,
            live.version,
            live.name,
            live.policy_version,
            self.role,
            action,
            call.at,
            call.latency,
            call.key_id,
            reasons,
            n_rows,
            self.personal.text(request),
            digest,
            self.personal.answer_text(answer),
        )

    def record_rows(
        self,
        record_id: str,
        action: str,
        rows: Sequence[Row],
        X: Features,
        answers: Sequence[str],
        *,
        call: Call,
        reasons: ReasonsWanted,
    ) -> PredictionRecord:
        """What is to be recorded of rows whose features are X and whose answers are JSON: one alone, or a batch."""
        single = action != BATCH
        return self.record(
            record_id,
            action,
            rows[0] if single else list(rows),
            answers[0] if single else f"[{','.join(answers)}]",
            call=call,
            reasons=reasons,
            digest=features_digest(X),
            n_rows=len(rows),
        )

    def read_row(self, body: bytes) -> Row:
        """The row of a body.

        Raises
        ------
        InvalidJsonError, InvalidRequestError
            The body is no row of the table, or holds what databases do not store where rows are stored as events.
        """
        row = self._checked(self.row, body)
        if self.events is not None and (errors := unstorable(row)):
            raise InvalidRequestError(errors)
        return row

    def score(self, body: bytes, prediction_id: str, reasons: ReasonsWanted) -> bytes:
        """Answer one row, JSON to JSON, and store nothing.

        Raises
        ------
        InvalidJsonError, InvalidRequestError
            The body is no row of the table.
        """
        (answer,) = respond(self.live, [self._checked(self.row, body)], [prediction_id], reasons=reasons)
        return self.answer.dump_json(answer)

    def operate(self, name: str, body: bytes, prediction_id: str, *, recall: Recall | None = None) -> Operated:
        """Answer a request to one of the domain's operations, JSON to JSON.

        Parameters
        ----------
        recall : finds recorded predictions for operations that take them.

        Raises
        ------
        InvalidJsonError, InvalidRequestError
            The body is not what the operation takes, or breaks a rule of the domain.
        UnknownOperationError
            The domain has no such operation.
        EventError, DatabaseError
            The windows of its row cannot be looked up.
        """
        served = self.operation(name)
        operation, checked = served.operation, self._checked(served.body, body)
        live = self.live
        if (
            recall is not None
            and operation.prediction_id_field is not None
            and operation.prediction_id_field in checked
        ):
            live, row = recall(self, operation.prediction_id_field, checked[operation.prediction_id_field])
            checked = _placed(checked, operation.row_path or (), row)
        elif self.events is not None and operation.row_path is not None:
            checked = _with_row(checked, operation.row_path, self.events)
        try:
            answer = operation.respond(live, checked, prediction_id)
        except RefusedBodyError as error:
            raise refusal_error(error) from None
        kept = operation.log_fields(answer) if operation.log_fields else {}
        return Operated(checked, served.answer.dump_json(answer), kept)

    @property
    def actions(self) -> list[str]:
        """What POST /v1/{name}/{action} can be asked for."""
        return ["score", "batch", *([LABELS] if self.events else []), *self.operations]

    def operation(self, name: str) -> ServedOperation:
        """The operation of that name; UnknownOperationError names the ones there are."""
        if name not in self.operations:
            raise UnknownOperationError(self.live.name, name, self.actions)
        return self.operations[name]

    def warm(self) -> None:
        """Answer the example of every endpoint, so that the first caller does not wait for first-time work.

        Raises whatever makes this version unable to answer. Nothing is stored.
        """
        if (example := self.example()) is not None:
            body = json.dumps(example).encode()
            self.score(body, "warm-up", "all")
            if self.events is not None:
                self.events.look([self.read_row(body)])
        for name, served in self.operations.items():
            if (example := self.example(served)) is not None:
                with suppress(EventError):  # the example is of its own time, which the store may have left behind
                    self.operate(name, json.dumps(example).encode(), "warm-up")

    def example(self, served: ServedOperation | None = None) -> dict[str, Any] | None:
        """A body that `score`, or the operation, accepts; None if the table lacks an example of a needed column."""
        example: dict[str, Any] = served.operation.example(self.live.table) if served else self.live.table.example()
        try:
            (served.body if served else self.row).validate_json(json.dumps(example))
        except ValidationError:
            return None
        return example

    def _checked(self, adapter: TypeAdapter[Any], body: bytes) -> Row:
        if is_crowded(body, most := max(MAX_VALUES, VALUES_PER_INPUT * len(self.live.table.inputs))):
            raise crowded_error(most)
        try:
            checked: Row = adapter.validate_json(body)
        except ValidationError as error:
            raise request_error(error, self.live.table.columns) from None
        return checked


def unstorable(row: Row, prefix: Sequence[str | int] = ()) -> list[FieldError]:
    """Values of a row that PostgreSQL cannot store, and no database needs.

    Parameters
    ----------
    prefix : where the row stands in the whole body.
    """
    return [
        FieldError(path=json_pointer([*prefix, name]), message="must not contain NUL characters", value=shown(value))
        for name, value in row.items()
        if isinstance(value, str) and "\0" in value
    ]


def _placed(body: Any, place: Sequence[str], row: Row) -> Any:
    """The body with the row at that place in it."""
    if not place:
        return row
    name, *rest = place
    return {**body, name: _placed(body.get(name, {}), rest, row)}


def _with_row(body: Any, place: Sequence[str], events: EventLog) -> Any:
    """The body with the windows of the row at that place in it."""
    if place:
        name, *rest = place
        return {**body, name: _with_row(body[name], rest, events)}
    (looked,) = events.look([body])
    if isinstance(looked, EventError):
        raise looked
    return looked
