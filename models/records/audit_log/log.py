"""PredictionLog reads the records of answered requests from the database, PredictionAppender adds to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import chain
from typing import Any

import sqlalchemy as sa
from pydantic_core import from_json

from models.contract import Domain
from models.records.audit_log.record import (
    BATCH,
    SCORE,
    Prediction,
    PredictionRecord,
    Role,
    in_batch_of,
    milliseconds,
    moment,
    predictions_of,
)
from models.registry.database import schema as tables
from models.registry.database.engine import Appender, parts_of, reading

_predictions = tables.predictions
_COLUMNS = [_predictions.c[name] for name in PredictionRecord._fields]
_IS_BATCH = _predictions.c.action == BATCH
RECORDS_AT_ONCE = 1_000


def actions_on_rows(domain: Domain) -> tuple[str, ...]:
    """The actions whose requests hold one row, or a list of rows, with the names of its columns."""
    return (SCORE, BATCH, *(one.name for one in domain.operations if one.conversation is not None))


@dataclass(frozen=True)
class Place:
    """Model, version and time of a prediction, in milliseconds since 1970, UTC."""

    model: str
    version: int
    at: int

    @property
    def moment(self) -> datetime:
        """The time as a datetime."""
        return moment(self.at)


class PredictionLog:
    """Reads records. Raises DatabaseError from any method if the database fails."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine

    def records(self, prediction_id: str) -> list[PredictionRecord]:
        """The records of a prediction, the sent answer first; a shadow adds a second one."""
        query = sa.select(*_COLUMNS).where(_predictions.c.id.in_(in_batch_of(prediction_id)))
        with reading(self.engine) as connection:
            found = [PredictionRecord(*row) for row in connection.execute(query)]
        found = [record for record in found if _holds(record, prediction_id)]
        return sorted(found, key=lambda record: record.role == "shadow")

    def newest(self, model: str, n_records: int) -> list[PredictionRecord]:
        """The latest records of a model, the newest first."""
        of_model = sa.select(*_COLUMNS).where(_predictions.c.model == model)
        newest_first = of_model.order_by(_predictions.c.at.desc(), _predictions.c.id.desc()).limit(n_records)
        with reading(self.engine) as connection:
            return [PredictionRecord(*row) for row in connection.execute(newest_first)]

    def prediction(self, prediction_id: str, role: Role | None = None) -> Prediction | None:
        """The prediction of that id: the sent one, or that of a role; None if it is not recorded."""
        for record in self.records(prediction_id):
            if role is None or record.role == role:
                return next(one for one in predictions_of(record) if one.id == prediction_id)
        return None

    def places(self, ids: Sequence[str]) -> dict[str, Place]:
        """Model, version and time of predictions; those not recorded, or recorded of a shadow alone, are left out."""
        wanted = set(ids)
        found: dict[str, Place] = {}
        possible = (one for one in ids if "\0" not in one)  # PostgreSQL refuses texts with NUL
        candidates = list({candidate for one in possible for candidate in in_batch_of(one)})
        names = ("id", "model", "version", "at", "action")
        columns = [*(_predictions.c[name] for name in names), sa.case((_IS_BATCH, _predictions.c.answer))]
        with reading(self.engine) as connection:
            for some in parts_of(candidates):
                query = sa.select(*columns).where(_predictions.c.id.in_(some), _predictions.c.role != "shadow")
                for name, model, version, at, action, answers in connection.execute(query):
                    own = [one["prediction_id"] for one in from_json(answers)] if action == BATCH else [name]
                    found |= dict.fromkeys(wanted.intersection(own), Place(model, version, at))
        return found

    def predictions(
        self,
        model: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        roles: Iterable[Role] = ("champion", "canary"),
        actions: Iterable[str] = (SCORE, BATCH),
        only: Iterable[sa.ColumnElement[bool]] = (),
        at_once: int = RECORDS_AT_ONCE,
    ) -> Iterator[Prediction]:
        """The answered rows of a model, single and in batches, in time order.

        Parameters
        ----------
        since, until : time of the request, `until` exclusive.
        actions : for actions other than these two, `row` is the body of an operation.
        only : further conditions on the records.
        at_once : requests read by one query and held in memory.
        """
        wanted = sa.and_(
            _predictions.c.model == model,
            _predictions.c.role.in_(list(roles)),
            _predictions.c.action.in_(list(actions)),
            *only,
        )
        if until is not None:
            wanted &= _predictions.c.at < milliseconds(until)
        place = (_predictions.c.at, _predictions.c.id, _predictions.c.version)
        last: tuple[int, str, int] | None = None
        earliest = None if since is None else milliseconds(since)
        while True:
            query = sa.select(*_COLUMNS).where(wanted).order_by(*place).limit(at_once)
            if last is not None:
                query = query.where(sa.tuple_(*place) > last)
                earliest = last[0]  # else every page would scan from the beginning
            if earliest is not None:
                query = query.where(_predictions.c.at >= earliest)
            with reading(self.engine) as connection:
                some = [PredictionRecord(*row) for row in connection.execute(query)]
            for record in some:
                yield from predictions_of(record)
            if len(some) < at_once:
                return
            last = (some[-1].at, some[-1].id, some[-1].version)

    def ids(self, model: str, *, since: datetime, until: datetime, at_once: int = RECORDS_AT_ONCE) -> Iterator[str]:
        """The ids of the answered rows of a model, shadows aside, in time order; quicker than `predictions`.

        Parameters
        ----------
        since, until : time of the request, `until` exclusive.
        at_once : requests read by one query and held in memory.
        """
        place = (_predictions.c.at, _predictions.c.id, _predictions.c.version)
        columns = [*place, _IS_BATCH, sa.case((_IS_BATCH, _predictions.c.answer))]
        wanted = sa.and_(
            _predictions.c.model == model,
            _predictions.c.role != "shadow",
            _predictions.c.action.in_([SCORE, BATCH]),
            _predictions.c.at < milliseconds(until),
        )
        last = (milliseconds(since), "", 0)
        while True:
            after = sa.and_(sa.tuple_(*place) > last, _predictions.c.at >= last[0])
            query = sa.select(*columns).where(wanted, after).order_by(*place).limit(at_once)
            with reading(self.engine) as connection:
                some = [tuple(row) for row in connection.execute(query)]
            for _, name, _, is_batch, answers in some:
                yield from (one["prediction_id"] for one in from_json(answers)) if is_batch else (name,)
            if len(some) < at_once:
                return
            last = some[-1][:3]

    def count(self, model: str, *, roles: Iterable[Role] = ("champion", "canary")) -> int:
        """The number of recorded rows of a model."""
        query = sa.select(sa.func.coalesce(sa.func.sum(_predictions.c.n_rows), 0)).where(
            _predictions.c.model == model, _predictions.c.role.in_(list(roles))
        )
        with reading(self.engine) as connection:
            return int(connection.scalar(query) or 0)


class PredictionAppender:
    """Adds records; for use by one thread at a time."""

    def __init__(self, engine: sa.Engine) -> None:
        self._appender = Appender(engine)

    def write(self, records: Sequence[PredictionRecord]) -> None:
        """Store records, all or none of them, durably: they survive a power failure.

        Raises
        ------
        DatabaseError
            They cannot be stored, or one of them already is.
        """
        if records:
            self._appender.insert(_insert(self._appender.paramstyle, len(records)), _values(records))

    def close(self) -> None:
        """Close the database connection."""
        self._appender.close()


def add_records(connection: sa.Connection, records: Sequence[PredictionRecord]) -> None:
    """Store records in an open transaction.

    It uses the driver directly, since SQLAlchemy spends more time on preparing values than the database on storing
    them, and one statement for many rows, since every statement releases the GIL and has to wait for it again.
    """
    for start in range(0, len(records), ROWS_PER_STATEMENT):
        some = records[start : start + ROWS_PER_STATEMENT]
        connection.exec_driver_sql(_insert(connection.dialect.paramstyle, len(some)), _values(some))


ROWS_PER_STATEMENT = 64


def _values(records: Iterable[PredictionRecord]) -> tuple[Any, ...]:
    return tuple(chain.from_iterable((*record, record.n_bytes) for record in records))


@cache
def _insert(paramstyle: str, n_rows: int) -> str:
    """The INSERT statement for `n_rows` records, in the driver's parameter style."""
    names = (*PredictionRecord._fields, _predictions.c.n_bytes.name)
    row = f"({', '.join(['?' if paramstyle == 'qmark' else '%s'] * len(names))})"
    return f"INSERT INTO {_predictions.name} ({', '.join(names)}) VALUES {', '.join([row] * n_rows)}"  # noqa: S608


def _holds(record: PredictionRecord, prediction_id: str) -> bool:
    return record.id == prediction_id or any(one.id == prediction_id for one in predictions_of(record))
