"""Serving: one live version with everything that its requests need, made once and never changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from data.rows import row_adapter
from models.contract import Answer, Live, Operation, ReasonsWanted, Row, respond
from models.errors import RefusedBodyError
from models.live import with_policy
from models.policies.stored import StoredPolicy
from service.batch_answers import BatchAnswer
from service.errors import UnknownOperationError
from service.field_errors import refusal_error, request_error


@dataclass(frozen=True, eq=False, kw_only=True)
class ServedOperation:
    """An operation with the checker of its bodies and the writer of its answers."""

    operation: Operation
    body: TypeAdapter[Any]
    answer: TypeAdapter[Answer]


@dataclass(frozen=True, eq=False, kw_only=True)
class Serving:
    """A live version, its request checkers and answer writers.

    Parameters
    ----------
    bundled : the live version as it was loaded, with the policy of its bundle.
    digest : of the bundle; tells whether the registry still means this version.
    row, answer : of `score`.
    batch_answer, batch_writer : the type of what `batch` answers, and its writer.
    operations : by name.
    """

    live: Live
    bundled: Live
    digest: str
    row: TypeAdapter[dict[str, Any]]
    answer: TypeAdapter[Answer]
    batch_answer: type[BatchAnswer[Any]]
    batch_writer: TypeAdapter[BatchAnswer[Any]]
    operations: Mapping[str, ServedOperation]

    @classmethod
    def of(cls, live: Live, digest: str) -> Serving:
        """Build checkers and writers; takes milliseconds, so it is done when a version goes live."""
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
        )

    def deciding_by(self, policy: StoredPolicy | None) -> Serving:
        """The same version under a stored policy, or that of its bundle; only the decisions differ.

        Raises
        ------
        UnreadablePolicyError
            The policy is none that this installation knows, or does not fit the version.
        """
        return replace(self, live=with_policy(self.bundled, policy))

    def score(self, body: bytes, prediction_id: str, reasons: ReasonsWanted) -> bytes:
        """Answer one row, JSON to JSON.

        Raises
        ------
        InvalidJsonError, InvalidRequestError
            The body is no row of the table.
        """
        row = self._checked(self.row, body)
        (answer,) = respond(self.live, [row], [prediction_id], reasons=reasons)
        return self.answer.dump_json(answer)

    def operate(self, name: str, body: bytes, prediction_id: str) -> tuple[bytes, Mapping[str, Any]]:
        """Answer a request to one of the domain's operations, JSON to JSON; beside it what the log is to keep.

        Raises
        ------
        InvalidJsonError, InvalidRequestError
            The body is not what the operation takes, or breaks a rule of the domain.
        UnknownOperationError
            The domain has no such operation.
        """
        served = self.operation(name)
        operation, checked = served.operation, self._checked(served.body, body)
        try:
            answer = operation.respond(self.live, checked, prediction_id)
        except RefusedBodyError as error:
            raise refusal_error(error) from None
        kept = operation.log_fields(answer) if operation.log_fields else {}
        return served.answer.dump_json(answer), kept

    def operation(self, name: str) -> ServedOperation:
        """The operation of that name; UnknownOperationError names the ones there are."""
        if name not in self.operations:
            raise UnknownOperationError(self.live.name, name, ["score", "batch", *self.operations])
        return self.operations[name]

    def warm(self) -> None:
        """Answer the example of every endpoint, so that the first caller does not wait for first-time work.

        Raises whatever makes this version unable to answer.
        """
        if (example := self.example()) is not None:
            self.score(json.dumps(example).encode(), "warm-up", "all")
        for name, served in self.operations.items():
            if (example := self.example(served)) is not None:
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
        try:
            checked: Row = adapter.validate_json(body)
        except ValidationError as error:
            raise request_error(error, self.live.table.columns) from None
        return checked
