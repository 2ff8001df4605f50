"""EventWorker: scores and stores events in one thread of the process, all that wait in one transaction.

The thread takes whatever waits and never waits for more: an event that comes alone is answered at once, and the more
come together, the more of them share the price of a transaction. A database that is slow or away keeps the thread, and
never the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeAlias

from models.answers.respond import respond_encoded
from models.contract import Answer, ReasonsWanted, Row
from models.encoding import Features
from models.errors import EventError
from models.records.audit_log.record import BATCH, SCORE, PredictionRecord
from service.errors import BusyError
from service.live.served_model import ServedModel
from service.metrics.metrics import Metrics
from service.requests.call import Call
from service.scoring.coalescing import CoalescingWorker
from service.scoring.row_batcher import count_answers
from service.scoring.shadow_worker import Seen, ShadowWorker

MAX_WAITING = 1_000
"""Requests; at a few thousand events a second the last of them waits for less than a second."""
PATIENCE_SECONDS = 10.0
ROWS_PER_SECOND = 200
"""A batch may wait another second for so many rows; a tenth of the usual speed."""

Results: TypeAlias = list[str | EventError]
"""For each row its answer as JSON, or the reason why it has none."""


@dataclass(frozen=True, eq=False)
class PendingEvents:
    """The events of one request.

    Parameters
    ----------
    ids : of the predictions, one for each row. record_id, action : under which they are recorded, see
        `PredictionRecord`.
    """

    served: ServedModel
    reasons: ReasonsWanted
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
    shadowing : lets shadow challengers answer the events, too.
    max_waiting : requests; more are refused.
    patience : seconds until a waiting request is given up.
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

    async def answer(
        self, served: ServedModel, row: Row, prediction_id: str, reasons: ReasonsWanted, call: Call
    ) -> str:
        """Answer, store and record one event; the answer comes when that is done.

        Raises
        ------
        BusyError
            Too many requests wait, or this one has waited too long; then it may have been stored all the same.
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
        reasons: ReasonsWanted,
        *,
        batch_id: str,
        call: Call,
    ) -> Results:
        """Answer, store and record many events, all or none; blocks, so it belongs into a thread.

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
        """Answer requests in one transaction, and release their answers once it is stored."""
        # a request that was given up may be sent again, so it must not be begun
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
    """The answers, and what a shadow is to answer too: events that are new and recorded, with the same windows."""
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
        positions = iter(enumerate(places))
        position, stop = next(positions, None), 0
        for one in group:
            stop += len(one.rows)
            own = []
            while position is not None and position[1] < stop:
                own.append(position[0])
                position = next(positions, None)
            if own and served.audit.records(one.record_id):
                own_rows = [rows[i] for i in own]
                texts = [answers[i] for i in own]
                records.append(
                    served.record_rows(
                        one.record_id, one.action, own_rows, encoded[0][own], texts, call=one.call, reasons=reasons
                    )
                )
                if served.shadow is not None:
                    own_ids = [ids[places[i]] for i in own]
                    seen.append(Seen(served.shadow, own_rows, own_ids, one.record_id, one.action, one.call))
        return records

    assert served.events is not None  # noqa: S101 - only such versions are asked here
    results = served.events.answer([row for one in group for row in one.rows], respond_to, recorded)
    metrics.audit_written(sum(record.n_rows for record in records))
    return results, seen
