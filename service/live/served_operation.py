"""ServedOperation: an operation of a domain with the validator of its bodies and the serializer of its answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from data.table import Table
from models.contract import Answer, LiveModel, Operation, Row
from models.errors import EventError, RefusedBodyError
from models.records.events.event_log import EventLog
from service.requests.field_errors import refusal_error


@dataclass(frozen=True, eq=False)
class Operated:
    """The result of an operation.

    Parameters
    ----------
    body : the validated body.
    answer : as JSON.
    ignored : retired inputs that the body held.
    """

    body: Any
    answer: bytes
    log_fields: Mapping[str, Any]
    ignored: Sequence[str] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class ServedOperation:
    """An operation with its body and answer types for one table."""

    operation: Operation
    body: TypeAdapter[Any]
    answer: TypeAdapter[Answer]

    @classmethod
    def of(cls, operation: Operation, table: Table) -> ServedOperation:
        """Build validator and serializer; takes milliseconds."""
        body, answer = TypeAdapter(operation.body(table)), TypeAdapter(operation.answer)
        return cls(operation=operation, body=body, answer=answer)

    def with_row(self, body: Any, row: Row) -> Any:
        """A copy of the body with this row in the place of its row."""
        return _replaced(body, self.operation.row_path or (), lambda _: row)

    def with_windows(self, body: Any, events: EventLog) -> Any:
        """A copy of the body with the windows of its row, if it has one; EventError if they cannot be looked up."""

        def looked_up(row: Any) -> Any:
            (looked,) = events.look([row])
            if isinstance(looked, EventError):
                raise looked
            return looked

        return body if self.operation.row_path is None else _replaced(body, self.operation.row_path, looked_up)

    def respond(self, live: LiveModel, body: Any, prediction_id: str) -> Operated:
        """The answer to a validated body; InvalidRequestError for one that breaks a rule of the domain."""
        try:
            answer = self.operation.respond(live, body, prediction_id)
        except RefusedBodyError as error:
            raise refusal_error(error) from None
        return self.operated(body, answer)

    def operated(self, body: Any, answer: Answer) -> Operated:
        """The result with this answer."""
        log_fields = self.operation.log_fields(answer) if self.operation.log_fields else {}
        return Operated(body, self.answer.dump_json(answer), log_fields)


def _replaced(body: Any, path: Sequence[str], change: Callable[[Any], Any]) -> Any:
    """A copy of the body with the changed value at that path; absent objects on the way are created."""
    if not path:
        return change(body)
    name, *rest = path
    return {**body, name: _replaced(body.get(name, {}), rest, change)}
