"""RowBatcher: scores single rows in micro-batches, from the validated row to the recorded answer.

Rows are collected while each turn of the event loop brings new ones, then scored and recorded together: the network and
the disk take little longer for a few rows than for one. As soon as a turn brings none they are scored, so batching adds
no idle time. The answer to a row is bit for bit the same alone or in a batch, see `TableClassifier.log_odds`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from operator import attrgetter
from time import perf_counter
from typing import Any

from models.answers.respond import answer_columns, answer_texts
from models.clock import Clock
from models.contract import ReasonScope, Row
from models.errors import DatabaseError
from models.records.audit_log.record import SCORE, PredictionRecord, milliseconds
from service.live.prediction_records import rows_record
from service.live.served_model import ServedModel
from service.metrics.metrics import Metrics
from service.requests.call import Call
from service.scoring.audit_writer import AuditWriter
from service.scoring.coalescing import work_in_groups
from service.scoring.shadow_worker import Seen, ShadowWorker

MAX_TOGETHER = 64
"""Rows per batch, so that the event loop is never blocked for more than a few milliseconds."""


@dataclass(frozen=True, eq=False, slots=True)
class PendingRow:
    """A row waiting for its answer."""

    served: ServedModel
    row: Row
    reasons: ReasonScope
    prediction_id: str
    call: Call
    answer: asyncio.Future[bytes]


_KEY: Callable[[PendingRow], Hashable] = attrgetter("served", "reasons")
"""Rows of one version with the same `reasons` form a batch."""


class RowBatcher:
    """Scores single rows and records the answers by the audit settings of each model.

    Parameters
    ----------
    writer : writes the audit log.
    shadowing : passes the rows on to shadow challengers.
    now : the clock of calls.
    """

    def __init__(self, writer: AuditWriter, metrics: Metrics, shadowing: ShadowWorker, *, now: Clock) -> None:
        self._writer, self._metrics, self._shadowing, self._now = writer, metrics, shadowing, now
        self._waiting: list[PendingRow] = []

    def new_call(self, key_id: str) -> Call:
        """A call that arrives now."""
        return Call(key_id, milliseconds(self._now()), perf_counter())

    async def score(self, served: ServedModel, row: Row, prediction_id: str, reasons: ReasonScope, call: Call) -> bytes:
        """Score a validated row; the answer is JSON, and recorded by then at level "durable".

        Raises
        ------
        BusyError
            Too many answers are waiting to be recorded.
        DatabaseError
            The answer could not be recorded, and is withheld.
        """
        if served.audit.level == "durable":
            self._writer.check_room()
        loop = asyncio.get_running_loop()
        waiting = PendingRow(served, row, reasons, prediction_id, call, loop.create_future())
        self._waiting.append(waiting)
        if len(self._waiting) == 1:
            loop.call_soon(self._answer_waiting)
        return await waiting.answer

    def count(self, served: ServedModel, columns: Mapping[str, Sequence[Any]]) -> None:
        """Count answered rows, given the fields of their answers."""
        count_answers(self._metrics, served, columns[served.live.domain.task.summary.field])

    def shadowed(self, seen: Seen) -> None:
        """Pass an answered batch on to its shadow."""
        self._shadowing.look([seen])

    def record(self, served: ServedModel, record: PredictionRecord) -> Future[DatabaseError | None] | None:
        """Record the answer to a batch or an operation.

        Returns
        -------
        A future at level "durable": None once the record is stored, or the error. No future at level "async".

        Raises
        ------
        BusyError
            Too many answers are waiting to be recorded.
        """
        if served.audit.level == "async":
            self._writer.record_deferred([record])
            return None
        stored: Future[DatabaseError | None] = Future()
        self._writer.record([record], stored.set_result)
        return stored

    def _answer_waiting(self, n_before: int = 0) -> None:
        """Score all waiting rows, grouped by version, once a turn of the loop has brought no new ones."""
        if n_before < (n_waiting := len(self._waiting)) < MAX_TOGETHER:
            asyncio.get_running_loop().call_soon(self._answer_waiting, n_waiting)
            return
        waiting, self._waiting = self._waiting[:MAX_TOGETHER], self._waiting[MAX_TOGETHER:]
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._answer_waiting)
        work_in_groups(waiting, _KEY, self._answer_together, _fail)

    def _answer_together(self, group: Sequence[PendingRow]) -> None:
        served = group[0].served
        answers, records = self._answered(group)
        answered = perf_counter()
        for one in group:
            one.call.answered = answered
        pairs = [(one.answer, answer) for one, answer in zip(group, answers, strict=True)]
        if not records or served.audit.level == "async":
            if records:
                self._writer.record_deferred(records)
            _settle(pairs, None)
            self._shadow(group)
            return
        loop = asyncio.get_running_loop()
        try:
            self._writer.record(records, lambda problem: loop.call_soon_threadsafe(_settle, pairs, problem))
        except Exception as error:  # handled here, or the caller would score these rows a second time
            _fail(group, error)
        else:
            self._shadow(group)

    def _shadow(self, group: Sequence[PendingRow]) -> None:
        """Pass recorded rows on to the shadow: its answers are compared with recorded ones only."""
        served = group[0].served
        if (shadow := served.shadow) is not None:
            self._shadowing.look(
                [
                    Seen(shadow, [one.row], [one.prediction_id], one.prediction_id, SCORE, one.call)
                    for one in group
                    if served.audit.records(one.prediction_id)
                ]
            )

    def _answered(self, group: Sequence[PendingRow]) -> tuple[list[bytes], list[PredictionRecord]]:
        """The answers as JSON, and the records of those in the audit sample."""
        served, reasons = group[0].served, group[0].reasons
        rows = [one.row for one in group]
        X = served.live.scorer.encoder.encode_rows(rows)
        columns = answer_columns(served.live, rows, X, [one.prediction_id for one in group], reasons=reasons)
        self.count(served, columns)
        texts = answer_texts(columns)
        records = [
            rows_record(
                served, one.prediction_id, SCORE, [one.row], X[i : i + 1], [text], call=one.call, reasons=reasons
            )
            for i, (one, text) in enumerate(zip(group, texts, strict=True))
            if served.audit.records(one.prediction_id)
        ]
        return [text.encode() for text in texts], records


def count_answers(metrics: Metrics, served: ServedModel, numbers: Sequence[float]) -> None:
    """Count answered rows by the number that summarizes each answer, see `models.contract.Summary`."""
    live, bounds = served.live, served.live.domain.task.summary.bounds
    if len(numbers) == 1:
        metrics.score(live.name, live.version, bounds, numbers[0])
    else:
        metrics.scores(live.name, live.version, bounds, numbers)


def _settle(pairs: Sequence[tuple[asyncio.Future[bytes], bytes]], problem: DatabaseError | None) -> None:
    """Release recorded answers, or the error that withheld them."""
    for answer, text in pairs:
        if answer.done():  # the caller has left
            continue
        if problem is not None:
            answer.set_exception(problem)
        else:
            answer.set_result(text)


def _fail(group: Sequence[PendingRow], error: Exception) -> None:
    for pending in group:
        if not pending.answer.done():
            pending.answer.set_exception(error)
