"""ShadowWorker: shadow challengers score the rows of champions, in a thread of their own.

Callers do not wait for a shadow. It gets rows once their answers are on the way, and its answers are recorded with the
role "shadow". If it cannot keep up, rows are dropped and counted, so that it slows neither the champion nor the audit
log; failures are logged and counted.

It gives no reasons: they can be computed from the bundle later, and cost more than the answer.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
from structlog.typing import FilteringBoundLogger

from models.answers.respond import answer_columns, answer_texts
from models.contract import Row
from service.live.served_model import ServedModel
from service.metrics.metrics import Metrics
from service.requests.call import Call
from service.scoring.audit_writer import AuditWriter
from service.scoring.coalescing import CoalescingWorker

MAX_ROWS_WAITING = 2_000
"""A batch larger than this is taken all the same if nothing waits."""
MAX_RECORDS_WAITING = 200
"""Hand-overs; a tenth of what the writer takes before it refuses those that somebody waits for."""
ROWS_AT_ONCE = 32
"""The thread holds Python's lock for about a millisecond with so many, which is what it can delay a champion by."""
REST_SECONDS = 0.0005
"""Between two such parts of a batch, so that whoever waits for the lock gets it."""


@dataclass(frozen=True, eq=False, slots=True)
class Seen:
    """An answered request of a champion, for its shadow.

    Parameters
    ----------
    rows : that were answered, with the windows that the champion saw.
    ids : of their predictions.
    record_id, action : under which they are recorded, see `PredictionRecord`.
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
        most_rows_waiting: int = MAX_ROWS_WAITING,
    ) -> None:
        self._writer, self._metrics, self._log, self._most = writer, metrics, log, most_rows_waiting
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
                has_room = self._n_waiting == 0 or self._n_waiting + n_rows <= self._most
                if has_room:
                    self._n_waiting += n_rows
            if has_room:
                self._worker.put(one)
            else:
                self._metrics.shadowed("dropped", n_rows)

    def _answer(self, group: Sequence[Seen]) -> None:
        """Answer and record requests to one shadow, as long as the audit log keeps up."""
        if self._writer.n_waiting > MAX_RECORDS_WAITING:
            self._done(group, "dropped")
            return
        self._answer_together(group[0].shadow, group)
        self._done(group, "answered")

    def _failed(self, group: Sequence[Seen], error: Exception) -> None:
        self._done(group, "failed")
        shadow = group[0].shadow
        if self._failing is not shadow:  # once for each that goes live is enough
            self._failing = shadow
            self._log.error("shadow failed", model=shadow.live.name, version=shadow.live.version, exc_info=error)

    def _done(self, group: Sequence[Seen], result: str) -> None:
        n_rows = sum(len(one.rows) for one in group)
        self._metrics.shadowed(result, n_rows)
        with self._counting:
            self._n_waiting -= n_rows

    def _answer_together(self, shadow: ServedModel, group: Sequence[Seen]) -> None:
        known = shadow.row_names
        rows = [{name: row[name] for name in row if name in known} for one in group for row in one.rows]
        ids = [prediction_id for one in group for prediction_id in one.ids]
        texts, X = [], []
        for start in range(0, len(rows), ROWS_AT_ONCE):
            if start:
                time.sleep(REST_SECONDS)
            some = slice(start, start + ROWS_AT_ONCE)
            X.append(shadow.live.scorer.encoder.encode_rows(rows[some]))
            texts += answer_texts(answer_columns(shadow.live, rows[some], X[-1], ids[some], reasons="none"))
        features, start, records = np.concatenate(X), 0, []
        for one in group:
            own = slice(start, start + len(one.rows))
            start = own.stop
            records.append(
                shadow.record_rows(
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
