"""EventWorker: scores and stores events in one thread of the process, with group commit.

The thread takes whatever is queued and never waits for more: a single event is answered at once, and under load many
share the cost of a transaction. A slow or unreachable database blocks this thread, never the event loop.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeAlias

from models.answers.respond import respond_encoded
from models.contract import Answer, ReasonScope, Row
from models.encoding import Features
from models.errors import EventError
from models.records.audit_log.record import BATCH, SCORE, PredictionRecord
from service.errors import BusyError
from service.live.prediction_records import rows_record
from service.live.served_model import ServedModel
from service.metrics.metrics import Metrics
from service.requests.call import Call
from service.scoring.coalescing import CoalescingWorker
from service.scoring.row_batcher import count_answers
from service.scoring.shadow_worker import Seen, ShadowWorker

MAX_WAITING = 1_000
"""Queue length in requests; at a few thousand events per second the last one waits for less than a second."""
PATIENCE_SECONDS = 10.0
ROWS_PER_SECOND = 200
"""Rows for which a batch may wait another second; a tenth of the usual speed."""

Results: TypeAlias = list[str | EventError]
"""For each row its answer as JSON, or its error."""


@dataclass(frozen=True, eq=False)
class PendingEvents:
    """The events of one request.

    Parameters
    ----------
    ids : prediction IDs, one for each row.
    record_id, action : see `PredictionRecord`.
    """

    served: ServedModel
    reasons: ReasonScope
    rows: Sequence[Row]
    ids: Sequence[str]
    record_id: str
    action: str
    call: Call
    results: Future[Results] = field(default_factory=Future)


class EventWorker:
    """Scores events in a thread of its own, between `start` and `close`.

    Parameters
    ----------
    shadowing : passes the events on to shadow challengers.
    max_waiting : queue length in requests; more are refused.
    patience : timeout of a queued request in seconds.
    """

    def __init__(
        self,
        metrics: Metrics,
        shadowing: ShadowWorker,
        *,
        max_waiting: int = MAX_WAITING,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._metrics, self._shadowing = metrics, shadowing
        self._max_waiting, self._patience = max_waiting, patience
        self._worker: CoalescingWorker[PendingEvents] = CoalescingWorker(
            "events", self._answer, _failed, key=lambda pending: (pending.served, pending.reasons)
        )
        self.start, self.close = self._worker.start, self._worker.close

    async def answer(self, served: ServedModel, row: Row, prediction_id: str, reasons: ReasonScope, call: Call) -> str:
        """Score, store and record one event; returns after the commit.

        Raises
        ------
        BusyError
            The queue is full, or the request timed out; in the latter case the event may have been stored.
        EventError
            It cannot be answered.
        DatabaseError
            The database failed; nothing was stored.
        """
        waiting = self._put(PendingEvents(served, reasons, [row], [prediction_id], prediction_id, SCORE, call))
        try:
            (result,) = await asyncio.wait_for(asyncio.wrap_future(waiting.results), self._patience)
        except TimeoutError:
            raise BusyError(f"the event was not stored within {self._patience:g} s") from None
        if isinstance(result, EventError):
            raise result
        return result

    def answer_batch(
        self,
        served: ServedModel,
        rows: Sequence[Row],
        ids: Sequence[str],
        reasons: ReasonScope,
        *,
        batch_id: str,
        call: Call,
    ) -> Results:
        """Score, store and record many events, all or none; blocks, so call it in a thread.

        Raises as `answer` does.
        """
        if not rows:
            return []
        waiting = self._put(PendingEvents(served, reasons, rows, ids, batch_id, BATCH, call))
        patience = self._patience + len(rows) / ROWS_PER_SECOND
        try:
            return waiting.results.result(patience)
        except TimeoutError:
            waiting.results.cancel()
            raise BusyError(f"the events were not stored within {patience:.0f} s") from None

    def _put(self, pending: PendingEvents) -> PendingEvents:
        if len(self._worker) >= self._max_waiting:
            raise BusyError(f"{self._max_waiting:,} requests are waiting")
        self._worker.put(pending)
        return pending

    def _answer(self, group: Sequence[PendingEvents]) -> None:
        """Answer requests in one transaction, and release their answers after the commit."""
        # a request that timed out may be sent again, so it must not be started
        begun = [one for one in group if one.results.running() or one.results.set_running_or_notify_cancel()]
        if not begun:
            return
        results, seen = _answered(begun, self._metrics)
        start = 0
        for one in begun:
            one.results.set_result(results[start : start + len(one.rows)])
            start += len(one.rows)
        self._shadowing.look(seen)


def _failed(group: Sequence[PendingEvents], error: Exception) -> None:
    for one in group:
        if one.results.running():
            one.results.set_exception(error)


def _answered(group: Sequence[PendingEvents], metrics: Metrics) -> tuple[Results, list[Seen]]:
    """The answers, and the new recorded events for a shadow, with the windows that the champion saw."""
    served, reasons = group[0].served, group[0].reasons
    ids = [prediction_id for one in group for prediction_id in one.ids]
    encoded: list[Features] = []
    records: list[PredictionRecord] = []
    seen: list[Seen] = []

    def respond_to(rows: Sequence[Row], places: Sequence[int]) -> Sequence[Answer]:
        encoded.append(served.live.scorer.encoder.encode_rows(rows))
        answers = respond_encoded(served.live, rows, encoded[0], [ids[place] for place in places], reasons=reasons)
        field = served.live.domain.task.summary.field
        count_answers(metrics, served, [getattr(answer, field) for answer in answers])
        return answers

    def recorded(rows: Sequence[Row], places: Sequence[int], answers: Sequence[str]) -> list[PredictionRecord]:
        for one, own in _by_request(group, places):
            if not rows[own] or not served.audit.records(one.record_id):
                continue
            what = (one.record_id, one.action, rows[own], encoded[0][own], answers[own])
            records.append(rows_record(served, *what, call=one.call, reasons=reasons))
            if served.shadow is not None:
                own_ids = [ids[place] for place in places[own]]
                seen.append(Seen(served.shadow, rows[own], own_ids, one.record_id, one.action, one.call))
        return records

    assert served.events is not None  # noqa: S101 - only versions with windows are queued here
    results = served.events.answer([row for one in group for row in one.rows], respond_to, recorded)
    metrics.audit_written(sum(record.n_rows for record in records))
    return results, seen


def _by_request(group: Sequence[PendingEvents], places: Sequence[int]) -> Iterator[tuple[PendingEvents, slice]]:
    """Each request with the slice of `places` that are its rows.

    Parameters
    ----------
    places : of some of the group's rows, ascending.
    """
    first = stop = 0
    for one in group:
        stop += len(one.rows)
        last = bisect_left(places, stop, first)
        yield one, slice(first, last)
        first = last
