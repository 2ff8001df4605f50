"""AuditWriter: records answered requests in one thread, all that wait in one transaction.

Records that a caller waits for are stored at once. While the thread waits for the disk, the event loop goes on reading
and answering requests, whose records share the next transaction. Records of level "async" come along with them, or rest
a moment until there are more, for a transaction costs as much as answering several requests.
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
"""Hand-overs; each is what one turn of the event loop answered, or one batch."""
MAX_AT_ONCE = 500
"""Records that share a transaction, or one hand-over more: a statement has room for about 2,000."""
REST_SECONDS = 0.005
"""How long a record of level "async" may rest."""

Done: TypeAlias = Callable[[DatabaseError | None], object]
"""Called in the writer's thread once records are stored, or with the reason why they are not."""


class Records(Protocol):
    """Where records go, see `models.records.audit_log.log.PredictionAppender`; one thread at a time uses it."""

    def write(self, records: Sequence[PredictionRecord]) -> None:
        """Store records, all or none of them."""

    def close(self) -> None:
        """Let go of what it holds."""


@dataclass(frozen=True, eq=False, slots=True)
class PendingRecords:
    """Records that were handed over together, and the callback of their caller; None at level "async"."""

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
    on_written, on_dropped : called with numbers of predictions: recorded, and lost at level "async".
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
        """Record what waits, and end."""
        self._worker.close()
        self._records.close()

    @property
    def n_waiting(self) -> int:
        """Hand-overs that wait."""
        return len(self._worker)

    def check_room(self) -> None:
        """BusyError if so many wait that what was answered now could not be recorded."""
        if self.n_waiting >= self._max_waiting:
            raise BusyError(f"{self._max_waiting:,} groups of predictions are waiting to be recorded")

    def record(self, records: Sequence[PredictionRecord], done: Done) -> None:
        """Store records and call back; BusyError if too many wait."""
        self.check_room()
        self._worker.put(PendingRecords(records, done))

    def record_deferred(self, records: Sequence[PredictionRecord]) -> None:
        """Store records at level "async": without room they are dropped and counted."""
        pending = PendingRecords(records, None)
        if self.n_waiting < self._max_waiting:
            self._worker.put(pending, deferred=True)
        else:
            self._on_dropped(pending.n_predictions)

    def _store(self, group: Sequence[PendingRecords]) -> None:
        self._records.write([record for pending in group for record in pending.records])
        self._on_written(sum(pending.n_predictions for pending in group))
        for pending in group:
            if pending.done is not None:
                pending.done(None)

    def _failed(self, group: Sequence[PendingRecords], error: Exception) -> None:
        if not isinstance(error, DatabaseError):
            self._log.error("recording predictions failed", exc_info=error)
            error = DatabaseError(str(error))
        if n_dropped := sum(pending.n_predictions for pending in group if pending.done is None):
            self._on_dropped(n_dropped)
            self._log.error("predictions were not recorded", n_predictions=n_dropped, error=str(error))
        for pending in group:
            if pending.done is not None:
                pending.done(error)
