"""What the database layer promises: times with a zone, patience for locks alone, and no row lost in silence."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa

from models.errors import DatabaseError
from models.registry.database import engine as database
from models.registry.database.engine import Appender, UtcDateTime
from models.registry.database.schema import metadata


def test_times_are_stored_in_utc_and_need_a_zone() -> None:
    """A naive one would be read as another moment on another machine; none at all stays none."""
    column, dialect = UtcDateTime(), sa.create_engine("sqlite://").dialect
    noon = datetime(2024, 5, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert column.process_bind_param(noon, dialect) == datetime(2024, 5, 1, 10, tzinfo=UTC)
    assert column.process_result_value(datetime(2024, 5, 1, 10), dialect) == noon
    assert column.process_bind_param(None, dialect) is column.process_result_value(None, dialect) is None
    with pytest.raises(ValueError, match="has no time zone"):
        column.process_bind_param(datetime(2024, 5, 1), dialect)


class Failing:
    """A connection whose first statement fails."""

    def __init__(self, code: int) -> None:
        self.code, self.n_statements = code, 0

    def execute(self, _: str) -> None:
        self.n_statements += 1
        if self.n_statements == 1:
            error = sqlite3.OperationalError("failed")
            error.sqlite_errorcode = self.code
            raise error


def test_only_a_lock_is_waited_for() -> None:
    """Any other failure would come again."""
    busy, broken = Failing(sqlite3.SQLITE_BUSY), Failing(sqlite3.SQLITE_IOERR)
    database._use_write_ahead_log(busy)  # type: ignore[arg-type]
    assert busy.n_statements == 2
    with pytest.raises(sqlite3.OperationalError):
        database._use_write_ahead_log(broken)  # type: ignore[arg-type]
    assert broken.n_statements == 1


def test_a_lock_that_stays_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([0.0, database.BUSY_SECONDS + 1])
    monkeypatch.setattr(database, "monotonic", lambda: next(moments))
    with pytest.raises(sqlite3.OperationalError):
        database._use_write_ahead_log(Failing(sqlite3.SQLITE_BUSY))  # type: ignore[arg-type]


def test_a_row_that_is_there_already_is_an_error_of_its_insert(engine: sa.Engine) -> None:
    """Only after a broken connection may rows be there from the attempt before."""
    table = sa.Table("kept_once", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True))
    table.create(engine)
    assert table.name not in metadata.tables
    appender = Appender(engine)
    mark = {"qmark": "?", "format": "%s", "pyformat": "%s"}[appender.paramstyle]
    for number in (1, 2):
        appender.insert(f"INSERT INTO kept_once (id) VALUES ({mark})", [number])  # noqa: S608 - a placeholder
    with pytest.raises(DatabaseError):
        appender.insert(f"INSERT INTO kept_once (id) VALUES ({mark})", [2])  # noqa: S608 - as above
    appender.close()
    with engine.connect() as connection:
        assert connection.scalars(sa.select(table.c.id)).all() == [1, 2]
