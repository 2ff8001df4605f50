"""PredictionWriter: the one thread of a process that records answered requests, all that wait in one transaction.

The thread takes whatever waits and never waits for more. While it waits for the disk, the event loop goes on reading
and answering requests, whose records then share the next transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, Full, Queue
from threading import Thread
from typing import TypeAlias

from structlog.typing import FilteringBoundLogger

from models.errors import DatabaseError
from models.predictions.prediction_log import PredictionLog
from models.predictions.record import PredictionRecord
from service.errors import BusyError

MOST_WAITING = 2_000
"""Hand-overs; each is what one turn of the event loop answered, or one batch."""
MOST_AT_ONCE = 500
"""Hand-overs that share a transaction: a killed process or a failure then takes no more than these with it."""

Done: TypeAlias = Callable[[DatabaseError | None], object]
"""Told, in the writer's thread, that records are stored, or why they are not."""


def _nothing(_n: int) -> None:
    """Whom nobody told to count does not count."""


@dataclass(frozen=True, eq=False, slots=True)
class Waiting:
    """Records that were handed over together, and who waits for them; nobody does at level "async"."""

    records: Sequence[PredictionRecord]
    done: Done | None


class PredictionWriter:
    """Records answered requests in a thread of its own, between `start` and `close`.

    Parameters
    ----------
    records : where they go.
    on_written, on_dropped : told how many predictions were recorded, and how many of level "async" were not.
    """

    def __init__(
        self,
        records: PredictionLog,
        log: FilteringBoundLogger,
        *,
        on_written: Callable[[int], object] = _nothing,
        on_dropped: Callable[[int], object] = _nothing,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._records, self._log = records, log
        self._on_written, self._on_dropped = on_written, on_dropped
        self._queue: Queue[Waiting | None] = Queue(most_waiting)
        self._thread = Thread(target=self._work, name="predictions", daemon=True)

    def start(self) -> None:
        """Begin to record."""
        self._thread.start()

    def close(self) -> None:
        """Record what waits, and end."""
        self._queue.put(None)
        self._thread.join()

    @property
    def n_waiting(self) -> int:
        """Hand-overs that wait."""
        return self._queue.qsize()

    def check_room(self) -> None:
        """BusyError if so many wait that what was answered now could not be recorded."""
        if self._queue.full():
            raise self._busy()

    def record(self, records: Sequence[PredictionRecord], done: Done) -> None:
        """Store records and tell when that is done; BusyError if too many wait."""
        try:
            self._queue.put_nowait(Waiting(records, done))
        except Full:
            raise self._busy() from None

    def record_later(self, records: Sequence[PredictionRecord]) -> None:
        """Store records if there is room; nobody waits for them, and those that are dropped are counted."""
        try:
            self._queue.put_nowait(Waiting(records, None))
        except Full:
            self._on_dropped(_n_predictions(records))

    def _busy(self) -> BusyError:
        return BusyError(f"{self._queue.maxsize:,} groups of answers wait to be recorded already")

    def _work(self) -> None:
        going_on = True
        while going_on:
            taken = self._take()
            going_on = None not in taken
            if waiting := [one for one in taken if one is not None]:
                self._store(waiting)

    def _take(self) -> list[Waiting | None]:
        """Those that wait; at least one."""
        taken = [self._queue.get()]
        while len(taken) < MOST_AT_ONCE:
            try:
                taken.append(self._queue.get_nowait())
            except Empty:
                break
        return taken

    def _store(self, taken: Sequence[Waiting]) -> None:
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


def _n_predictions(records: Sequence[PredictionRecord]) -> int:
    """A batch is one record of many."""
    return sum(record.n_rows for record in records)
