"""ShadowWorker: shadow challengers score the rows of champions, in a thread of their own.

Callers do not wait for a shadow. It gets rows once they are answered, and its own answers are recorded with the role
"shadow". If it cannot keep up, rows are dropped and counted, so that it slows neither the champion nor the audit log;
failures are logged and counted.

Shadows give no reasons: these cost more than the answer, and can be computed from the bundle later.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

from structlog.typing import FilteringBoundLogger

from models.answers.respond import answer_columns, answer_texts
from models.contract import Row
from models.encoding import joined
from service.live.prediction_records import rows_record
from service.live.served_model import ServedModel
from service.metrics.metrics import Metrics
from service.requests.call import Call
from service.scoring.audit_writer import AuditWriter
from service.scoring.coalescing import CoalescingWorker

MAX_ROWS_WAITING = 2_000
"""Queue length in rows; a larger batch is still taken if the queue is empty."""
MAX_RECORDS_WAITING = 200
"""Groups in the audit queue above which rows are dropped; a tenth of its capacity, the rest is for champions."""
ROWS_AT_ONCE = 32
"""Rows per step; the thread holds the GIL for about a millisecond for these, which bounds the delay of a champion."""
REST_SECONDS = 0.0005
"""Pause between two steps, so that threads waiting for the GIL get it."""


@dataclass(frozen=True, eq=False, slots=True)
class Seen:
    """An answered request of a champion, for its shadow.

    Parameters
    ----------
    rows : with the windows that the champion saw.
    ids : prediction IDs.
    record_id, action : see `PredictionRecord`.
    """

    shadow: ServedModel
    rows: Sequence[Row]
    ids: Sequence[str]
    record_id: str
    action: str
    call: Call


class ShadowWorker:
    """Scores rows by shadows, between `start` and `close`.

    Parameters
    ----------
    writer : records their answers.
    metrics : counts rows by result.
    """

    def __init__(
        self,
        writer: AuditWriter,
        metrics: Metrics,
        log: FilteringBoundLogger,
        *,
        max_rows_waiting: int = MAX_ROWS_WAITING,
    ) -> None:
        self._writer, self._metrics, self._log, self._max_rows_waiting = writer, metrics, log, max_rows_waiting
        self._n_waiting, self._counting = 0, Lock()
        self._failing: ServedModel | None = None
        self._worker: CoalescingWorker[Seen] = CoalescingWorker(
            "shadows",
            self._answer,
            self._failed,
            key=lambda seen: seen.shadow,
            size=lambda seen: len(seen.rows),
            max_size=ROWS_AT_ONCE,
        )
        self.start, self.close = self._worker.start, self._worker.close

    def look(self, seen: Sequence[Seen]) -> None:
        """Queue rows for their shadows, or drop them if there is no room; does not block."""
        for one in seen:
            n_rows = len(one.rows)
            with self._counting:
                has_room = self._n_waiting == 0 or self._n_waiting + n_rows <= self._max_rows_waiting
                if has_room:
                    self._n_waiting += n_rows
            if has_room:
                self._worker.put(one)
            else:
                self._metrics.shadowed("dropped", n_rows)

    def _answer(self, group: Sequence[Seen]) -> None:
        """Score and record requests for one shadow, as long as the audit log keeps up."""
        if self._writer.n_waiting > MAX_RECORDS_WAITING:
            self._done(group, "dropped")
            return
        self._answer_together(group[0].shadow, group)
        self._done(group, "answered")

    def _failed(self, group: Sequence[Seen], error: Exception) -> None:
        self._done(group, "failed")
        shadow = group[0].shadow
        if self._failing is not shadow:  # log the first failure of each shadow only
            self._failing = shadow
            self._log.error("shadow failed", model=shadow.live.name, version=shadow.live.version, exc_info=error)

    def _done(self, group: Sequence[Seen], result: str) -> None:
        n_rows = sum(len(one.rows) for one in group)
        self._metrics.shadowed(result, n_rows)
        with self._counting:
            self._n_waiting -= n_rows

    def _answer_together(self, shadow: ServedModel, group: Sequence[Seen]) -> None:
        known = shadow.row_names
        rows = [
            {**shadow.defaults, **{name: row[name] for name in row if name in known}}
            for one in group
            for row in one.rows
        ]
        ids = [prediction_id for one in group for prediction_id in one.ids]
        texts, X = [], []
        for start in range(0, len(rows), ROWS_AT_ONCE):
            if start:
                time.sleep(REST_SECONDS)
            some = slice(start, start + ROWS_AT_ONCE)
            X.append(shadow.live.scorer.encoder.encode_rows(rows[some]))
            texts += answer_texts(answer_columns(shadow.live, rows[some], X[-1], ids[some], reasons="none"))
        features, start, records = joined(X), 0, []
        for one in group:
            own = slice(start, start + len(one.rows))
            start = own.stop
            records.append(
                rows_record(
                    shadow,
                    one.record_id,
                    one.action,
                    rows[own],
                    features[own],
                    texts[own],
                    call=one.call,
                    reasons="none",
                )
            )
        self._writer.record_deferred(records)
