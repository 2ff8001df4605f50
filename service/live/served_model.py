"""ServedModel: a live version with everything that its requests need; immutable."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeAlias

from pydantic import TypeAdapter, ValidationError

from data.rows import row_adapter, value_type
from models.answers.respond import respond
from models.contract import Answer, LiveModel, ReasonScope, Row
from models.errors import EventError
from models.records.audit_log.personal import PersonalData
from models.records.audit_log.record import Role
from models.records.events.event_log import EventLog
from models.registry.audit_settings import DEFAULT as RECORD_ALL
from models.registry.audit_settings import AuditSettings
from models.registry.live import with_policy
from models.registry.policies import StoredPolicy
from models.registry.rollouts import Rollout
from service.errors import FieldError, InvalidRequestError, UnknownOperationError
from service.live.batch_answer import BatchAnswer
from service.live.served_operation import Operated, ServedOperation
from service.requests.bodies import is_crowded
from service.requests.field_errors import MAX_VALUES, crowded_error, json_pointer, shown
from service.requests.retired_fields import Place, with_warnings, without_retired
from service.requests.validation import refusal, refuse_unknown_names, unknown_names

Recall: TypeAlias = Callable[["ServedModel", str, str], tuple[LiveModel, Row]]
"""(live model, name of the field, prediction ID in it) -> the version that made the prediction, and its row."""

LABELS = "labels"
VALUES_PER_INPUT = 1_000
"""Limit on the values of a body other than a batch, per input of the table; a ranking holds up to 200 candidates."""


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
    earlier : the champions before it, see `models.registry.history.Champions.before`.
    retired : what they took and this version does not, with a warning for callers, see
        `models.registry.retired_inputs`; requests may still hold it, and it is ignored.
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
    earlier: tuple[tuple[int, int], ...] = ()
    retired: Mapping[str, str] = field(default_factory=dict)
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
            operations={operation.name: ServedOperation.of(operation, live.table) for operation in domain.operations},
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

    def with_retired_inputs(self, earlier: tuple[tuple[int, int], ...], retired: Mapping[str, str]) -> ServedModel:
        """A copy that takes and ignores inputs of the champions before it."""
        return replace(self, earlier=earlier, retired=retired)

    def without_challenger(self) -> ServedModel:
        """A copy as a champion without a challenger."""
        if self.role == "champion" and self.rollout is None:
            return self
        return replace(self, role="champion", challenger=None, rollout=None)

    def challenged_by(self, challenger: ServedModel, rollout: Rollout) -> ServedModel:
        """A copy as a champion with a challenger, which takes whatever the champion takes."""
        inputs = {column.name for column in challenger.live.table.inputs}
        retired = {name: why for name, why in self.retired.items() if name not in inputs}
        beside = replace(challenger.without_challenger(), role=rollout.mode, retired={**retired, **challenger.retired})
        return replace(self, challenger=beside, rollout=rollout)

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

    @cached_property
    def defaults(self) -> Row:
        """The values of inputs that a row lacks, as its check writes them."""
        columns = [column for column in self.live.table.inputs if column.default is not None]
        return {one.name: TypeAdapter(value_type(one)).validate_python(one.default) for one in columns}

    @property
    def answering(self) -> list[ServedModel]:
        """The version itself, and its canary if there is one."""
        return [self] if self.challenger is None or self.shadow is not None else [self, self.challenger]

    def read_row(self, body: bytes) -> tuple[Row, Sequence[str]]:
        """The validated row of a body, and the retired inputs that were ignored.

        Raises
        ------
        InvalidJsonError, InvalidRequestError
            The body is no row of the table, or is an event with values that databases cannot store.
        """
        row, ignored = self._checked(self.row, body)
        if self.events is not None and (errors := unstorable(row)):
            raise InvalidRequestError(errors)
        return row, ignored

    def warned(self, answer: bytes, ignored: Sequence[str]) -> bytes:
        """An answer with a warning for each retired input that was ignored."""
        return with_warnings(answer, [self.retired[name] for name in ignored]) if ignored else answer

    def score(self, body: bytes, prediction_id: str, reasons: ReasonScope) -> bytes:
        """Score one row, JSON to JSON, without storing anything.

        Raises
        ------
        InvalidJsonError, InvalidRequestError
            The body is no row of the table.
        """
        row, _ = self._checked(self.row, body)
        (answer,) = respond(self.live, [row], [prediction_id], reasons=reasons)
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
        served, live = self.operation(name), self.live
        checked, ignored = self.read_body(name, body)
        recalled = served.operation.prediction_id_field
        if recall is not None and recalled is not None and recalled in checked:
            live, row = recall(self, recalled, checked[recalled])
            checked = served.with_row(checked, row)
        elif self.events is not None:
            checked = served.with_windows(checked, self.events)
        return replace(served.respond(live, checked, prediction_id), ignored=ignored)

    def read_body(self, name: str, body: bytes) -> tuple[Row, Sequence[str]]:
        """The validated body of one of the domain's operations, and the retired inputs that were ignored.

        Raises
        ------
        InvalidJsonError, InvalidRequestError, UnknownOperationError
            It is not valid for the operation, or there is no such operation.
        """
        served = self.operation(name)
        return self._checked(served.body, body, served.operation.row_places)

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
                self.events.look([self.read_row(body)[0]])
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

    def _checked(
        self, adapter: TypeAdapter[Any], body: bytes, row_places: Sequence[Place] = ((),)
    ) -> tuple[Row, Sequence[str]]:
        """The validated body, and the retired inputs that it held at the places of rows."""
        if is_crowded(body, max_values := max(MAX_VALUES, VALUES_PER_INPUT * len(self.live.table.inputs))):
            raise crowded_error(max_values)
        columns = self.live.table.columns
        refuse_unknown_names((name for name in unknown_names(adapter, body) if name not in self.retired), columns)
        try:
            return adapter.validate_json(body), ()
        except ValidationError as error:
            if self.retired:
                rest, ignored = without_retired(body, error, self.retired, row_places)
                if ignored:
                    checked, more = self._checked(adapter, rest, row_places)
                    return checked, [*ignored, *more]
            raise refusal(adapter, body, error, columns) from None


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
