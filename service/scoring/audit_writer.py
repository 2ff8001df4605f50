"""AuditWriter: records answered requests in one thread, with group commit.

Records of level "durable" are stored at once, since callers wait for them. While the thread waits for the disk, the
event loop goes on reading and answering requests, whose records share the next transaction. Records of level "async"
join them, or wait a moment for company, since a transaction costs as much as answering several requests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from structlog.typing import FilteringBoundLogger

from models.errors import DatabaseError
from models.records.audit_log.record import PredictionRecord
from service.errors import BusyError
from service.scoring.coalescing import CoalescingWorker

MAX_WAITING = 2_000
"""Queue length in groups of records; a group is one turn of the event loop, or one batch."""
MAX_AT_ONCE = 500
"""Records per transaction, exceeded by at most one group; an SQL statement has room for about 2,000."""
REST_SECONDS = 0.005
"""Time that a record of level "async" may wait for company."""

Done: TypeAlias = Callable[[DatabaseError | None], object]
"""Callback in the writer's thread: None once records are stored, or the error."""


class Records(Protocol):
    """Destination of records, see `models.records.audit_log.log.PredictionAppender`; need not be thread-safe."""

    def write(self, records: Sequence[PredictionRecord]) -> None:
        """Store records, all or none of them."""

    def close(self) -> None:
        """Release connections."""


@dataclass(frozen=True, eq=False, slots=True)
class PendingRecords:
    """A group of records and its callback; None at level "async"."""

    records: Sequence[PredictionRecord]
    done: Done | None

    @property
    def n_predictions(self) -> int:
        """Number of answered rows; a batch is one record of many."""
        return sum(record.n_rows for record in self.records)


class AuditWriter:
    """Records answered requests, between `start` and `close`.

    Parameters
    ----------
    records : the destination.
    on_written, on_dropped : called with the number of predictions that were recorded, or dropped at level "async".

    Attributes
    ----------
    problem : why the last write failed; None if it did not.
    """

    def __init__(
        self,
        records: Records,
        log: FilteringBoundLogger,
        *,
        on_written: Callable[[int], object],
        on_dropped: Callable[[int], object],
        max_waiting: int = MAX_WAITING,
    ) -> None:
        self._records, self._log, self._max_waiting = records, log, max_waiting
        self._on_written, self._on_dropped = on_written, on_dropped
        self.problem: str | None = None
        self._worker: CoalescingWorker[PendingRecords] = CoalescingWorker(
            "predictions",
            self._store,
            self._failed,
            key=lambda _: None,
            size=lambda pending: len(pending.records),
            max_size=MAX_AT_ONCE,
            rest_seconds=REST_SECONDS,
        )
        self.start = self._worker.start

    def close(self) -> None:
        """Record what is queued, and stop."""
        self._worker.close()
        self._records.close()

    @property
    def n_waiting(self) -> int:
        """Number of queued groups."""
        return len(self._worker)

    def check_room(self) -> None:
        """BusyError if the queue is full, so that further answers could not be recorded."""
        if self.n_waiting >= self._max_waiting:
            raise BusyError(f"{self._max_waiting:,} groups of predictions are waiting to be recorded")

    def record(self, records: Sequence[PredictionRecord], done: Done) -> None:
        """Queue records, and call back once they are stored; BusyError if the queue is full."""
        self.check_room()
        self._worker.put(PendingRecords(records, done))

    def record_deferred(self, records: Sequence[PredictionRecord]) -> None:
        """Queue records of level "async"; if the queue is full they are dropped and counted."""
        pending = PendingRecords(records, None)
        if self.n_waiting < self._max_waiting:
            self._worker.put(pending, deferred=True)
        else:
            self._on_dropped(pending.n_predictions)

    def _store(self, group: Sequence[PendingRecords]) -> None:
        self._records.write([record for pending in group for record in pending.records])
        self.problem = None
        self._on_written(sum(pending.n_predictions for pending in group))
        for pending in group:
            if pending.done is not None:
                pending.done(None)

    def _failed(self, group: Sequence[PendingRecords], error: Exception) -> None:
        if not isinstance(error, DatabaseError):
            self._log.error("recording predictions failed", exc_info=error)
            error = DatabaseError(f"recording failed with {type(error).__name__}, see the log")
        self.problem = str(error)
        if n_dropped := sum(pending.n_predictions for pending in group if pending.done is None):
            self._on_dropped(n_dropped)
            self._log.error("predictions were not recorded", n_predictions=n_dropped, error=str(error))
        for pending in group:
            if pending.done is not None:
                pending.done(error)
