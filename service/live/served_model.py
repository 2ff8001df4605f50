"""ServedModel: a live version with everything that its requests need; immutable."""

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
from models.contract import Answer, LiveModel, Operation, ReasonScope, Row
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
"""(live model, name of the field, prediction ID in it) -> the version that made the prediction, and its row."""

LABELS = "labels"
VALUES_PER_INPUT = 1_000
"""Limit on the values of a body other than a batch, per input of the table; a ranking holds up to 200 candidates."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ServedOperation:
    """An operation with the validator of its bodies and the serializer of its answers."""

    operation: Operation
    body: TypeAdapter[Any]
    answer: TypeAdapter[Answer]


@dataclass(frozen=True, eq=False)
class Operated:
    """The result of an operation: the validated body, the answer as JSON, and fields for the log."""

    body: Any
    answer: bytes
    log_fields: Mapping[str, Any]


@dataclass(frozen=True, eq=False, kw_only=True)
class ServedModel:
    """A live version with its request validators and response serializers.

    Parameters
    ----------
    bundled : the version as loaded, with the policy of its bundle.
    digest : of the bundle; shows whether the registry still means this bundle.
    row, answer : the request and response of `score`.
    batch_answer, batch_writer : the response type of `batch`, and its serializer.
    operations : by name.
    personal : hashes or drops personal data before it enters the audit log.
    events : if the table has windows, the log of earlier events, which also stores new rows with their answers.
    audit : how predictions are recorded.
    role : champion, shadow or canary.
    challenger, rollout : the challenger of a champion and its rollout; None if there is none.
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
        """Build validators and serializers; takes milliseconds, so it is done once, when a version goes live.

        Parameters
        ----------
        personal_key : key of the hashes of personal columns; required if the table has such columns.
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
        """A copy under a stored policy, or under that of its bundle if None; only decisions differ.

        Raises
        ------
        UnreadablePolicyError
            The policy cannot be read by this installation, or does not fit the version.
        """
        return replace(self, live=with_policy(self.bundled, policy))

    def with_event_log(self, events: EventLog | None) -> ServedModel:
        """A copy with the event log behind its windows."""
        return replace(self, events=events)

    def with_audit_settings(self, audit: AuditSettings) -> ServedModel:
        """A copy with other audit settings."""
        return replace(self, audit=audit)

    def without_challenger(self) -> ServedModel:
        """A copy as a champion without a challenger."""
        if self.role == "champion" and self.rollout is None:
            return self
        return replace(self, role="champion", challenger=None, rollout=None)

    def challenged_by(self, challenger: ServedModel, rollout: Rollout) -> ServedModel:
        """A copy as a champion with a challenger."""
        return replace(self, challenger=replace(challenger.without_challenger(), role=rollout.mode), rollout=rollout)

    def for_prediction(self, prediction_id: str) -> ServedModel:
        """The version that answers this prediction: this one, or its canary."""
        if self.rollout is not None and self.challenger is not None and self.rollout.gives(prediction_id):
            return self.challenger
        return self

    @property
    def shadow(self) -> ServedModel | None:
        """The shadow challenger, if there is one."""
        return self.challenger if self.challenger is not None and self.challenger.role == "shadow" else None

    @cached_property
    def row_names(self) -> frozenset[str]:
        """Names of the values of a row, windows included."""
        return frozenset(column.name for column in (*self.live.table.inputs, *self.live.table.windows))

    @property
    def answering(self) -> list[ServedModel]:
        """The version itself, and its canary if there is one."""
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
        """The audit record of an answered request, see `PredictionRecord`."""
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
        reasons: ReasonScope,
    ) -> PredictionRecord:
        """The audit record of a single row or a batch, with its features X and its answers as JSON."""
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
        """The validated row of a body.

        Raises
        ------
        InvalidJsonError, InvalidRequestError
            The body is no row of the table, or is an event with values that databases cannot store.
        """
        row = self._checked(self.row, body)
        if self.events is not None and (errors := unstorable(row)):
            raise InvalidRequestError(errors)
        return row

    def score(self, body: bytes, prediction_id: str, reasons: ReasonScope) -> bytes:
        """Score one row, JSON to JSON, without storing anything.

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
            The body is not valid for the operation, or breaks a rule of the domain.
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
        """The available actions of POST /v1/{name}/{action}."""
        return ["score", "batch", *([LABELS] if self.events else []), *self.operations]

    def operation(self, name: str) -> ServedOperation:
        """The operation of that name; UnknownOperationError lists the available ones."""
        if name not in self.operations:
            raise UnknownOperationError(self.live.name, name, self.actions)
        return self.operations[name]

    def warm(self) -> None:
        """Answer the example of every endpoint, so that the first request does not pay for lazy initialization.

        Raises if this version cannot answer. Nothing is stored.
        """
        if (example := self.example()) is not None:
            body = json.dumps(example).encode()
            self.score(body, "warm-up", "all")
            if self.events is not None:
                self.events.look([self.read_row(body)])
        for name, served in self.operations.items():
            if (example := self.example(served)) is not None:
                with suppress(EventError):  # the example may be older than the events that are stored
                    self.operate(name, json.dumps(example).encode(), "warm-up")

    def example(self, served: ServedOperation | None = None) -> dict[str, Any] | None:
        """A valid body for `score` or the operation; None if the table lacks an example of a required column."""
        example: dict[str, Any] = served.operation.example(self.live.table) if served else self.live.table.example()
        try:
            (served.body if served else self.row).validate_json(json.dumps(example))
        except ValidationError:
            return None
        return example

    def _checked(self, adapter: TypeAdapter[Any], body: bytes) -> Row:
        if is_crowded(body, max_values := max(MAX_VALUES, VALUES_PER_INPUT * len(self.live.table.inputs))):
            raise crowded_error(max_values)
        try:
            checked: Row = adapter.validate_json(body)
        except ValidationError as error:
            raise request_error(error, self.live.table.columns) from None
        return checked


def unstorable(row: Row, prefix: Sequence[str | int] = ()) -> list[FieldError]:
    """Errors for the values of a row that PostgreSQL cannot store.

    Parameters
    ----------
    prefix : path of the row in the body.
    """
    return [
        FieldError(path=json_pointer([*prefix, name]), message="must not contain NUL characters", value=shown(value))
        for name, value in row.items()
        if isinstance(value, str) and "\0" in value
    ]


def _placed(body: Any, place: Sequence[str], row: Row) -> Any:
    """A copy of the body with the row at that path."""
    if not place:
        return row
    name, *rest = place
    return {**body, name: _placed(body.get(name, {}), rest, row)}


def _with_row(body: Any, place: Sequence[str], events: EventLog) -> Any:
    """A copy of the body with the windows of the row at that path."""
    if place:
        name, *rest = place
        return {**body, name: _with_row(body[name], rest, events)}
    (looked,) = events.look([body])
    if isinstance(looked, EventError):
        raise looked
    return looked
