"""Sampling of recorded requests, where there are more than needed or than fit into memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from models.records.audit_log.log import RECORDS_AT_ONCE
from models.records.audit_log.record import milliseconds
from models.registry.database import schema as tables
from models.registry.database.engine import reading
from models.registry.id_hash import share_of

MAX_BYTES = 128_000_000
"""Of requests and answers that are read in all."""
BYTES_AT_ONCE = 2_000_000
"""That are held in memory as they were stored."""
SLOTS = 9_973
"""Requests are drawn by the millisecond in which they came, modulo this prime: that stands in the index, so that those
that are not drawn are not read, and it knows nothing of days or of clocks that tick in rounder steps."""

_predictions = tables.predictions


@dataclass(frozen=True)
class Sample:
    """Which requests are read, and which of their rows are taken.

    Parameters
    ----------
    only : what must hold for the requests, see `PredictionLog.predictions`.
    at_once : so many of them may be held in memory.
    of_requests, of_rows : about which share of them these are, and which share of their rows is taken.
    """

    only: Sequence[sa.ColumnElement[bool]]
    at_once: int
    of_requests: float
    of_rows: float

    @property
    def share(self) -> float:
        """About which share of all rows is taken."""
        return self.of_requests * self.of_rows

    def takes(self, prediction_id: str) -> bool:
        """Whether a row of a request that was read is taken."""
        return self.of_rows >= 1 or share_of(prediction_id, "drift") < self.of_rows


def sample(
    engine: sa.Engine,
    model: str,
    wanted: Sequence[sa.ColumnElement[bool]],
    *,
    since: datetime,
    until: datetime,
    most_rows: int,
) -> Sample:
    """Sample the requests to a model from `since` on and before `until`, so that there is room for them.

    Of more than about `most_rows` rows each has the same chance to be taken, and the same ones are drawn again.

    Parameters
    ----------
    wanted : what must hold for requests that count; it is known only when one has been found.
    """
    at = _predictions.c.at
    in_period = sa.and_(_predictions.c.model == model, at >= milliseconds(since), at < milliseconds(until))
    count, n_rows, n_bytes = sa.func.count(), _sum(_predictions.c.n_rows), _sum(_predictions.c.n_bytes)
    with reading(engine) as connection:
        found, found_bytes = connection.execute(sa.select(count, n_bytes).where(in_period)).one()
        n_slots = _slots(SLOTS * _room(most_rows, found, int(found_bytes)))
        while True:
            only = list(wanted) if n_slots == SLOTS else [at % SLOTS < n_slots, *wanted]
            query = sa.select(count, n_rows, n_bytes).where(in_period, *only)
            read, read_rows, read_bytes = map(int, connection.execute(query).one())
            room = _room(most_rows, read_rows, read_bytes)
            if n_slots == SLOTS or room < 2:
                break
            n_slots = _slots(n_slots * room)
    return Sample(
        only,
        at_once=max(1, min(RECORDS_AT_ONCE, BYTES_AT_ONCE * read // max(read_bytes, 1))),
        of_requests=n_slots / SLOTS,
        of_rows=min(1.0, most_rows / max(read_rows, 1)),
    )


def _sum(column: sa.Column[int]) -> sa.ColumnElement[int]:
    return sa.func.coalesce(sa.func.sum(column), 0)


def _room(most_rows: int, n_rows: int, n_bytes: int) -> float:
    """How many times as much there is room for."""
    return min(most_rows / max(n_rows, 1), MAX_BYTES / max(n_bytes, 1))


def _slots(wanted: float) -> int:
    return max(1, min(SLOTS, int(wanted)))
