"""Migrations: from every earlier revision to this one, with every row, and to just what the tables' modules say."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from models.errors import DatabaseError
from models.registry.database.engine import open_database, writing
from models.registry.database.migrations import create_schema, newest_revision, revision_of, upgrade
from models.registry.database.schema import metadata
from models.registry.registry import Registry

REVISIONS = [f"{number:04}" for number in range(1, int(newest_revision()) + 1)]
ROWS = {
    "versions": "('lending', 1, 'credit', 'd', '2024-05-31 12:00:00', 'ann', '{}')",
    "aliases": "('lending', 'champion', 1)",
    "policies": "('lending', 1, 'credit', '{}', '2024-05-31 12:00:00', 'ann', '', 1, '{}')",
    "active_policies": "('lending', 1)",
    "events": "('pay', '7', 1000, '{}', NULL, '2024-05-31 12:00:00')",
    "event_streams": "('pay', 0, 1)",
    "event_series": "(1, 'pay', 'card', NULL, 1.0, NULL)",
    "event_entities": "(1, 'a', 1000, '7', NULL, NULL)",
    "audit_settings": "('lending', 'off', 1.0, NULL, NULL)",
}
"""A row for tables as they are in the revision that made them."""


@pytest.fixture
def engine(url):
    opened = open_database(url)
    yield opened
    opened.dispose()


def fill(connection):
    """Put a row into each table that there is; returns how many rows each table has."""
    there = sa.inspect(connection).get_table_names()
    for table, values in ROWS.items():
        if table in there:
            connection.exec_driver_sql(f"INSERT INTO {table} VALUES {values}")  # noqa: S608
    return {name: connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar() for name in there}  # noqa: S608


def described(connection):
    """What the database has: columns, keys, indexes, and on SQLite each statement that made a table."""
    inspector = sa.inspect(connection)
    found = {}
    for table in sorted(inspector.get_table_names()):
        if table == "alembic_version":
            continue
        found[table] = (
            {column["name"]: (str(column["type"]), column["nullable"]) for column in inspector.get_columns(table)},
            inspector.get_pk_constraint(table)["constrained_columns"],
            sorted(
                (key["constrained_columns"], key["referred_table"], key["referred_columns"], key["options"])
                for key in inspector.get_foreign_keys(table)
            ),
            sorted(
                (index["name"], index["column_names"], bool(index["unique"]), bool(index.get("dialect_options")))
                for index in inspector.get_indexes(table)
            ),
            len(inspector.get_check_constraints(table)),
            inspector.get_table_options(table),
        )
    return found


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_revision_becomes_this_one_with_every_row(engine, revision):
    """Also one that is of before revisions were written down."""
    with writing(engine) as connection:
        upgrade(connection, revision)
        counts = fill(connection)
        if revision <= "0003":
            connection.exec_driver_sql("DROP TABLE alembic_version")
    create_schema(engine)
    with engine.connect() as connection:
        assert revision_of(connection) == newest_revision()
        for table in counts.keys() - {"alembic_version"}:
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == counts[table]  # noqa: S608


def test_migrations_lead_to_what_is_described(engine, url, tmp_path):
    """Nothing is left to do by alembic's comparison; and by our own, that of a database made from the description."""
    create_schema(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
        migrated = described(connection)
    with engine.begin() as connection:
        metadata.drop_all(connection)
        connection.exec_driver_sql("DROP TABLE alembic_version")
        metadata.create_all(connection)
        assert described(connection) == migrated


def test_a_change_that_fails_half_way_leaves_the_old_schema(engine, monkeypatch):
    """The tables that came first go again, and the next try succeeds."""
    with writing(engine) as connection:
        upgrade(connection, "0002")
    from alembic.operations import Operations

    create_table, made = Operations.create_table, []

    def fail_at_the_third(self, name, *columns, **options):
        if len(made) == 2:
            raise RuntimeError("killed")
        made.append(name)
        return create_table(self, name, *columns, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Operations, "create_table", fail_at_the_third)
        with pytest.raises(RuntimeError, match="killed"):
            create_schema(engine)
    with engine.connect() as connection:
        assert revision_of(connection) == "0002"
        assert not set(made) & set(sa.inspect(connection).get_table_names())
    create_schema(engine)
    with engine.connect() as connection:
        assert revision_of(connection) == newest_revision()


def test_a_backscore_of_before_refuses_the_database(engine):
    """It read the version in `registry_schema`, and knew none above 3."""
    create_schema(engine)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT version FROM registry_schema").scalar() == 4


def test_who_finds_nothing_to_do_is_quick_and_needs_no_alembic(url):
    """A command's start must not wait for a library that it does not need."""
    Registry(url).close()
    code = f"from models.registry.registry import Registry; Registry({url!r}).close()"
    code += "; import sys; assert 'alembic' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[4])
    engine = open_database(url)
    create_schema(engine)
    started = time.perf_counter()
    create_schema(engine)
    assert time.perf_counter() - started < 0.5
    engine.dispose()


def test_a_database_that_cannot_be_written_is_told(tmp_path):
    """As an error of ours."""
    (tmp_path / "file").write_text("no database")
    engine = open_database(f"sqlite:///{tmp_path / 'file'}")
    with pytest.raises(DatabaseError):
        create_schema(engine)
    engine.dispose()
