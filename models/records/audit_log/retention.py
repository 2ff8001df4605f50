"""Retention: records beyond the age or size limit are deleted, the oldest first."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from models.records.audit_log.record import milliseconds
from models.registry.audit_settings import AuditSettings
from models.registry.database import schema as tables
from models.registry.database.engine import appending, reading

MAX_AT_ONCE = 500
"""Records deleted in one transaction; small, so that no request waits for long."""
MEGABYTE = 1_000_000

_predictions = tables.predictions
_OF_MODEL = _predictions.c.model == sa.bindparam("of_model")
_OLDER = sa.and_(_OF_MODEL, _predictions.c.at < sa.bindparam("until"))
_GOING = (
    sa.select(_predictions.c.id, _predictions.c.version).where(_OLDER).order_by(_predictions.c.at).limit(MAX_AT_ONCE)
)
_DELETE = sa.delete(_predictions).where(
    _predictions.c.id == sa.bindparam("of_id"), _predictions.c.version == sa.bindparam("of_version")
)


def delete_old(engine: sa.Engine, model: str, settings: AuditSettings, *, now: datetime) -> int:
    """Delete the records beyond the limits of a model's settings; returns their number.

    Raises
    ------
    DatabaseError
        The database failed; parts deleted before that stay deleted.
    """
    until = [milliseconds(now - timedelta(days=settings.keep_days))] if settings.keep_days is not None else []
    if settings.keep_megabytes is not None:
        until += [_full_at(engine, model, settings.keep_megabytes * MEGABYTE)]
    return _delete_before(engine, model, max(until)) if until else 0


def _full_at(engine: sa.Engine, model: str, n_bytes: float) -> int:
    """The time from which on the newest records take that many bytes; 0 if all records take fewer."""
    newest_first = (
        sa.select(_predictions.c.at, _predictions.c.n_bytes)  # both are in the index
        .where(_predictions.c.model == model)
        .order_by(_predictions.c.at.desc())
        .execution_options(yield_per=10_000)
    )
    total = 0
    with reading(engine) as connection, connection.execute(newest_first) as sizes:
        for at, size in sizes:
            total += size
            if total > n_bytes:
                return int(at) + 1
    return 0


def _delete_before(engine: sa.Engine, model: str, until: int) -> int:
    n_deleted = 0
    while True:
        with appending(engine) as connection:
            going = connection.execute(_GOING, {"of_model": model, "until": until}).all()
            if going:
                connection.execute(_DELETE, [{"of_id": one.id, "of_version": one.version} for one in going])
        n_deleted += len(going)
        if len(going) < MAX_AT_ONCE:
            return n_deleted
