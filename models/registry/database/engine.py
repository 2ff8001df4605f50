"""The SQL database, SQLite in the home by default or PostgreSQL by URL: opening, locking and error messages."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import event, exc

from models.errors import DatabaseError

BUSY_SECONDS = 30.0  # timeout of a SQLite writer that waits for another one
CONNECT_SECONDS = 3  # timeout of a new connection to PostgreSQL
SILENT_SECONDS = 5  # timeout of unacknowledged TCP data to PostgreSQL
WRITER_LOCK = 0x6261636B  # key of a PostgreSQL advisory lock: "back" in ASCII
MAX_VALUES = 500
"""Values per statement, which databases limit."""
RECORDERS_LOCK = WRITER_LOCK + 1
MAX_KEYS = 1_000
"""PostgreSQL has room for some 6,400 locks in total, so a transaction on more keys takes one lock for all."""


T = TypeVar("T")


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """A time: accepts aware datetimes and returns them in UTC, also from SQLite, which has no time zones."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Convert an aware datetime to UTC; refuse a naive one."""
        if value is not None and value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Mark a stored time as UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


@dataclass(frozen=True)
class Timeouts:
    """Seconds after which PostgreSQL gives up on a lock or a statement, and DatabaseError is raised; 0 for never."""

    lock: float = 0.0
    statement: float = 0.0


NO_TIMEOUTS = Timeouts()


def open_database(url: str, timeouts: Timeouts = NO_TIMEOUTS) -> sa.Engine:
    """An engine for the URL, to be shared by threads; nothing is read or written yet.

    Commits are durable: they survive a killed process and a power failure. SQLite waits for locks up to `BUSY_SECONDS`.

    Raises
    ------
    DatabaseError
        The URL is malformed, or its driver is not installed.
    """
    try:
        address = sa.make_url(url)
        if address.get_backend_name() == "sqlite":
            return _open_sqlite(address)
        # Each statement must see what was committed before it, above all after waiting for the writer lock.
        engine = sa.create_engine(
            address,
            isolation_level="READ COMMITTED",
            hide_parameters=True,  # else errors quote rows
            pool_pre_ping=True,  # replaces connections that the server has closed meanwhile
            connect_args={
                "connect_timeout": CONNECT_SECONDS,
                "keepalives_idle": SILENT_SECONDS,
                "tcp_user_timeout": SILENT_SECONDS * 1000,
            },
        )
        if timeouts != NO_TIMEOUTS:
            event.listen(engine, "connect", partial(_limit, timeouts))
        return engine
    except (exc.ArgumentError, ImportError) as error:
        raise DatabaseError(
            f"cannot use the database URL: {error}; write sqlite:///FILE, or postgresql+psycopg://USER@HOST/DATABASE"
            " after `pip install backscore[postgres]`"
        ) from error


def _limit(timeouts: Timeouts, connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:  # not at start-up, which some poolers refuse
        cursor.execute(f"SET lock_timeout = {round(timeouts.lock * 1000)}")
        cursor.execute(f"SET statement_timeout = {round(timeouts.statement * 1000)}")
    connection.commit()


def _open_sqlite(address: sa.URL) -> sa.Engine:
    if address.database and not address.query:
        with suppress(OSError):  # SQLite then reports that it cannot open the file
            Path(address.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(address, hide_parameters=True, connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: object) -> None:
        # The driver would begin transactions implicitly and late; `begin` below does it instead.
        connection.isolation_level = None
        _use_write_ahead_log(connection)
        connection.execute("PRAGMA synchronous = FULL")  # fsync at every commit, about a millisecond
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        # A reader that becomes a writer can fail on a stale snapshot; IMMEDIATE takes the write lock at once.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Let readers run beside a writer; retries while the file is locked, as SQLite does not for this pragma."""
    deadline = monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() > deadline:
                raise
            sleep(0.01)


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A read-only transaction; DatabaseError if the database fails."""
    with _explained(engine), engine.begin() as connection:
        yield connection


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that excludes every other `writing` block, in all processes; all or nothing is stored.

    Raises
    ------
    DatabaseError
        The database cannot be written, or another writer held it for too long.
    """
    with _begun_to_write(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(WRITER_LOCK)))
        yield connection


def parts_of(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """The values in chunks that fit into one statement."""
    for start in range(0, len(values), MAX_VALUES):
        yield values[start : start + MAX_VALUES]


def lock_key(*names: str) -> int:
    """The 64-bit key for `recording` from names, equal in every process."""
    return int.from_bytes(hashlib.blake2b("\0".join(names).encode(), digest_size=8).digest(), signed=True)


@contextmanager
def recording(engine: sa.Engine, keys: Collection[int]) -> Iterator[sa.Connection]:
    """A transaction that excludes others with any of these keys, see `lock_key`; all or nothing is stored.

    SQLite has one writer at a time anyway. Raises DatabaseError as `writing` does.
    """
    with _begun_to_write(engine) as connection:
        if engine.dialect.name == "postgresql":
            if len(keys) > MAX_KEYS:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(RECORDERS_LOCK)))
            else:
                # the same order everywhere, against deadlocks
                locks = [sa.func.pg_advisory_xact_lock(sa.bindparam(None, key, sa.BigInteger)) for key in sorted(keys)]
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock_shared(RECORDERS_LOCK), *locks))
        yield connection


@contextmanager
def appending(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that only inserts rows no other writer inserts, so it need not wait for others on PostgreSQL.

    All or nothing is stored. Raises DatabaseError as `writing` does.
    """
    with _begun_to_write(engine) as connection:
        yield connection


class Appender:
    """Inserts rows no other writer inserts; for one thread at a time, and each statement is its own transaction.

    The connection is in autocommit mode: one round trip to PostgreSQL instead of four, and on SQLite the thread
    releases the GIL, and has to wait for it again, only once.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._kept: Any = None

    @property
    def paramstyle(self) -> str:
        """The driver's style of placeholders."""
        return self._engine.dialect.paramstyle

    def insert(self, statement: str, values: Sequence[Any]) -> None:
        """Execute an INSERT; all of its rows are stored, or none. Raises DatabaseError as `writing` does."""
        dialect = self._engine.dialect
        with _explained(self._engine, dialect.loaded_dbapi.Error):
            kept = self._kept
            try:
                self._execute(statement, values)
            except dialect.loaded_dbapi.Error as error:
                has_been_away = kept is not None and dialect.is_disconnect(error, kept, None)
                self.close()
                if not has_been_away:
                    raise
                # The server may have stored the rows before the connection broke.
                self._execute(f"{statement} ON CONFLICT DO NOTHING", values)

    def close(self) -> None:
        """Close the connection."""
        kept, self._kept = self._kept, None
        if kept is not None:
            with suppress(self._engine.dialect.loaded_dbapi.Error):  # nothing is pending
                kept.close()

    def _execute(self, statement: str, values: Sequence[Any]) -> None:
        if self._kept is None:
            connection = self._engine.raw_connection()
            self._kept = connection.dbapi_connection
            connection.detach()  # autocommit must not leak into the pool
            if self._engine.dialect.name == "postgresql":
                self._kept.autocommit = True
        cursor = self._kept.cursor()
        try:
            cursor.execute(statement, values)
        finally:
            cursor.close()


@contextmanager
def _begun_to_write(engine: sa.Engine) -> Iterator[sa.Connection]:
    with _explained(engine), engine.connect() as connection:
        connection.execution_options(writes=True)
        with connection.begin():
            yield connection


def take_stock(engine: sa.Engine, tables: Collection[sa.Table]) -> None:
    """Refresh PostgreSQL's statistics of the tables, which its query plans depend on.

    Autovacuum does so too, but later; until then a table that was empty the last time is scanned from end to end.
    """
    if engine.dialect.name == "postgresql":
        with reading(engine) as connection:
            for table in tables:
                connection.execute(sa.text(f"ANALYZE {engine.dialect.identifier_preparer.format_table(table)}"))


@contextmanager
def _explained(engine: sa.Engine, *drivers: type[Exception]) -> Iterator[None]:
    """Translate errors of SQLAlchemy, or of a driver used without it, into DatabaseError."""
    expected: tuple[type[Exception], ...] = (exc.DBAPIError, *drivers)
    try:
        yield
    except expected as error:
        where = engine.url.render_as_string(hide_password=True)
        cause = str(error.orig if isinstance(error, exc.DBAPIError) else error)
        first = cause.partition("\n")[0]  # PostgreSQL quotes rows in the lines below
        raise DatabaseError(f"database {where}: {first}; does it exist, and is it reachable and writable?") from error
