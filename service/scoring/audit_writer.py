"""AuditWriter: the one thread of a process that records answered requests, all that wait in one transaction.

Records that somebody waits for are stored at once. While the thread waits for the disk, the event loop goes on reading
and answering requests, whose records then share the next transaction. Those that nobody waits for come along with them,
or rest a moment until there are more, for a transaction costs as much as answering several requests.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import Protocol, TypeAlias

from structlog.typing import FilteringBoundLogger

from models.errors import DatabaseError
from models.records.audit_log.record import PredictionRecord
from service.errors import BusyError

MAX_WAITING = 2_000
"""Hand-overs; each is what one turn of the event loop answered, or one batch."""
MAX_AT_ONCE = 500
"""Records that share a transaction, or one hand-over more: a statement has room for about 2,000."""
REST_SECONDS = 0.005
"""So long may a record that nobody waits for rest."""

Done: TypeAlias = Callable[[DatabaseError | None], object]
"""Told, in the writer's thread, that records are stored, or why they are not."""


def _nothing(_n: int) -> None:
    """Whom nobody told to count does not count."""


class Records(Protocol):
    """Where records go, see `models.records.audit_log.log.PredictionAppender`; one thread uses it."""

    def write(self, records: Sequence[PredictionRecord]) -> None:
        """Store records, all or none of them."""

    def close(self) -> None:
        """Nothing more comes."""


@dataclass(frozen=True, eq=False, slots=True)
class PendingRecords:
    """Records that were handed over together, and who waits for them; nobody does at level "async"."""

    records: Sequence[PredictionRecord]
    done: Done | None


STOP, DEFERRED = PendingRecords((), None), PendingRecords((), None)
"""What the writer's thread is told: that nothing more comes, and that something rests."""


class AuditWriter:
    """Records answered requests in a thread of its own, between `start` and `close`.

    Parameters
    ----------
    records : where they go.
    on_written, on_dropped : told how many predictions were recorded, and how many of level "async" were not.
    """

    def __init__(
        self,
        records: Records,
        log: FilteringBoundLogger,
        *,
        on_written: Callable[[int], object] = _nothing,
        on_dropped: Callable[[int], object] = _nothing,
        most_waiting: int = MAX_WAITING,
    ) -> None:
        self._records, self._log, self._most = records, log, most_waiting
        self._on_written, self._on_dropped = on_written, on_dropped
        self._queue: SimpleQueue[PendingRecords] = SimpleQueue()
        self._resting: deque[PendingRecords] = deque()
        self._deferred_announced = False
        self._thread = Thread(target=self._work, name="predictions", daemon=True)

    def start(self) -> None:
        """Begin to record."""
        self._thread.start()

    def close(self) -> None:
        """Record what waits, and end."""
        self._queue.put(STOP)
        self._thread.join()

    @property
    def n_waiting(self) -> int:
        """Hand-overs that wait."""
        return self._queue.qsize() + len(self._resting)

    def check_room(self) -> None:
        """BusyError if so many wait that what was answered now could not be recorded."""
        if self.n_waiting >= self._most:
            raise BusyError(f"{self._most:,} groups of answers wait to be recorded already")

    def record(self, records: Sequence[PredictionRecord], done: Done) -> None:
        """Store records and tell when that is done; BusyError if too many wait."""
        self.check_room()
        self._queue.put(PendingRecords(records, done))

    def record_deferred(self, records: Sequence[PredictionRecord]) -> None:
        """Store records if there is room; nobody waits for them, and those that are dropped are counted."""
        if self.n_waiting >= self._most:
            self._on_dropped(_n_predictions(records))
            return
        self._resting.append(PendingRecords(records, None))
        if not self._deferred_announced:  # looked at after it rests, so that the thread finds it or is told
            self._deferred_announced = True
            self._queue.put(DEFERRED)

    def _work(self) -> None:
        going_on, rest_until = True, None
        while going_on:
            taken = self._take(rest_until)
            going_on = STOP not in taken
            waiting = [one for one in taken if one.records]
            if waiting or not going_on or (rest_until is not None and monotonic() >= rest_until):
                rest_until = None
                waiting += self._rested(MAX_AT_ONCE - _n_records(waiting))
            elif DEFERRED in taken:
                rest_until = monotonic() + REST_SECONDS
            if waiting:
                self._store(waiting)
        while waiting := self._rested(MAX_AT_ONCE):
            self._store(waiting)
        self._records.close()

    def _take(self, until: float | None) -> list[PendingRecords]:
        """Those that wait; at least one, unless none comes until then."""
        taken: list[PendingRecords] = []
        with suppress(Empty):
            taken.append(self._queue.get(timeout=None if until is None else max(0.0, until - monotonic())))
            n_records = len(taken[0].records)
            while n_records < MAX_AT_ONCE:
                taken.append(one := self._queue.get_nowait())
                n_records += len(one.records)
        return taken

    def _rested(self, most: int) -> list[PendingRecords]:
        """Those that nobody waits for; about so many records of them at most."""
        self._deferred_announced = False  # of those that come from now on
        rested: list[PendingRecords] = []
        n_records = 0
        while self._resting and n_records < most:
            rested.append(one := self._resting.popleft())
            n_records += len(one.records)
        if self._resting:
            self._queue.put(DEFERRED)
        return rested

    def _store(self, taken: Sequence[PendingRecords]) -> None:
        records = [record for one in taken for record in one.records]
        problem = self._problem_of_writing(records)
        if problem is not None and len(taken) > 1 and not isinstance(problem, DatabaseError):
            for one in taken:  # the one that cannot be stored must not take the others with it
                self._store([one])
            return
        if problem is None:
            self._on_written(_n_predictions(records))
        elif n_dropped := sum(_n_predictions(one.records) for one in taken if one.done is None):
            self._on_dropped(n_dropped)
            self._log.error("predictions were not recorded", n_predictions=n_dropped, error=str(problem))
        for one in taken:
            if one.done is not None:
                one.done(problem)

    def _problem_of_writing(self, records: Sequence[PredictionRecord]) -> DatabaseError | None:
        try:
            self._records.write(records)
        except DatabaseError as error:
            return error
        except Exception as error:  # whatever it is, somebody waits to be told
            self._log.exception("recording predictions failed")
            return DatabaseError(str(error))
        return None


def _n_records(taken: Sequence[PendingRecords]) -> int:
    return sum(len(one.records) for one in taken)


def _n_predictions(records: Sequence[PredictionRecord]) -> int:
    """A batch is one record of many."""
    return sum(record.n_rows for record in records)
