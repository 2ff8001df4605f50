"""Sampling of recorded requests where there are more than needed, or than fit into memory."""

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
"""Total size of the requests and answers to read."""
BYTES_AT_ONCE = 2_000_000
"""Size of the stored requests and answers in memory at a time."""
SLOTS = 9_973
"""Requests are sampled by their millisecond modulo this prime. Times are in the index, so that the others are not read,
and a prime has no common factor with days or with clocks of coarser resolution."""

_predictions = tables.predictions


@dataclass(frozen=True)
class Sample:
    """A sample of requests, and of their rows.

    Parameters
    ----------
    only : conditions on the requests, see `PredictionLog.predictions`.
    at_once : number of requests to hold in memory.
    of_requests, of_rows : approximate share of the requests, and share of their rows.
    """

    only: Sequence[sa.ColumnElement[bool]]
    at_once: int
    of_requests: float
    of_rows: float

    @property
    def share(self) -> float:
        """The approximate share of all rows in the sample."""
        return self.of_requests * self.of_rows

    def takes(self, prediction_id: str) -> bool:
        """Whether the sample has this row of a sampled request."""
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
    """Sample the requests to a model from `since` (inclusive) to `until` (exclusive), within the memory bounds.

    Beyond about `most_rows` rows each has the same chance, and repeated calls draw the same rows.

    Parameters
    ----------
    wanted : condition on requests to count; checked only until one is found.
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
    """The bounds as a multiple of these rows and bytes; below 1 if they are too many."""
    return min(most_rows / max(n_rows, 1), MAX_BYTES / max(n_bytes, 1))


def _slots(wanted: float) -> int:
    return max(1, min(SLOTS, int(wanted)))
