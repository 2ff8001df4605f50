"""Migrations: from revision 0007 on to this one, with every row, and to just what the schema describes."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from models.errors import DatabaseError
from models.registry.database.engine import open_database, writing
from models.registry.database.migrations import create_schema, newest_revision, revision_of
from models.registry.database.schema import metadata
from models.registry.registry import Registry

HERE = Path(__file__).parent
NUMBERED = ("history", "outcomes", "event_series", "event_labels", "alerts", "alert_verdicts")
"""Tables whose ids the database counts up."""
ADDED = {"conversation_messages"}
"""Tables that revision 0007 did not have."""
MOMENT = datetime(2024, 5, 31, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
def engine(url):
    opened = open_database(url)
    yield opened
    opened.dispose()


def statements(name):
    """The statements of a recorded file."""
    return [text for text in (HERE / name).read_text().split(";\n") if text]


def write_0007(engine):
    """A database at revision 0007 with rows in every table, as it was written before its migrations were squashed."""
    is_postgres = engine.dialect.name == "postgresql"
    with writing(engine) as connection:
        if is_postgres:
            connection.exec_driver_sql("SET LOCAL TIME ZONE 'UTC'")
        for statement in (*statements(f"schema_0007.{engine.dialect.name}.sql"), *statements("rows_0007.sql")):
            connection.exec_driver_sql(statement)
        if is_postgres:
            for table in NUMBERED:
                top = f"(SELECT max(id) FROM {table})"  # noqa: S608
                connection.exec_driver_sql(f"SELECT setval('{table}_id_seq', {top})")


def as_before(contents, before):
    """Rows without the tables and columns that migrations added, which are empty; columns come last."""
    widths = {name: len(rows[0]) for name, rows in before.items()}
    assert not any(contents.pop(name) for name in contents.keys() - widths.keys())
    assert all(cell is None for name, rows in contents.items() for row in rows for cell in row[widths[name] :])
    return {name: [row[: widths[name]] for row in rows] for name, rows in contents.items()}


def contents(connection):
    """Every row of every table, and the table in which old revisions stood left out."""
    names = set(sa.inspect(connection).get_table_names()) - {"alembic_version", "registry_schema"}
    return {
        name: sorted(map(tuple, connection.exec_driver_sql(f"SELECT * FROM {name}")), key=repr)  # noqa: S608
        for name in names
    }


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


def test_a_database_of_the_oldest_revision_is_carried_on_with_every_row(engine, url):
    """Nothing in it differs afterwards but the names of columns, and its stores read it and write on."""
    write_0007(engine)
    with engine.connect() as connection:
        before = contents(connection)
    registry = Registry(url)
    with engine.connect() as connection:
        assert revision_of(connection) == newest_revision()
        assert not sa.inspect(connection).has_table("registry_schema")
        assert as_before(contents(connection), before) == before
        assert all(before.values())
        assert metadata.tables.keys() - before.keys() == ADDED
    version = registry.version("lending", 1)
    assert (version.metrics, version.created) == ({"auc": 0.75}, MOMENT)
    assert registry.champions() == {"lending": version}
    assert registry.policies.active("lending").number == 1
    registry.register(name="lending", domain="credit", digest="d3", metrics={}, actor="ann", why="second", promote=True)
    assert [(event.id, event.why) for event in registry.history("lending")] == [
        (1, "first"),
        (2, "second"),
        (3, "second"),
    ]
    registry.close()


def test_a_database_that_several_programs_open_is_upgraded_once(engine, url):
    """Six at once; all of them work afterwards."""
    write_0007(engine)
    with ThreadPoolExecutor(6) as pool:
        opened = list(pool.map(Registry, [url] * 6))
    assert [each.version("lending", 1).digest for each in opened] == ["d1"] * 6
    for each in opened:
        each.close()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        ("UPDATE alembic_version SET version_num = '0006'", "schema 0006"),
        ("UPDATE alembic_version SET version_num = 'a1b2c3'", "schema a1b2c3"),
        ("DROP TABLE alembic_version", "schema unknown"),
    ],
    ids=["older", "another program's", "before revisions"],
)
def test_an_older_or_unknown_database_is_refused(engine, spoil, told):
    """The sentence says what to do, and nothing is changed."""
    write_0007(engine)
    with writing(engine) as connection:
        connection.exec_driver_sql(spoil)
    with engine.connect() as connection:
        before = described(connection), contents(connection)
    with pytest.raises(DatabaseError, match=f"the database has {told}, .*; name an empty database in BACKSCORE_DATABA"):
        create_schema(engine)
    with engine.connect() as connection:
        assert (described(connection), contents(connection)) == before


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


def test_a_migration_that_fails_half_way_leaves_the_database_as_it_was(engine, monkeypatch):
    """The tables made before the failure go again, and the next try succeeds."""
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
        assert revision_of(connection) is None
        assert not set(made) & set(sa.inspect(connection).get_table_names())
    create_schema(engine)
    with engine.connect() as connection:
        assert revision_of(connection) == newest_revision()


def test_who_finds_nothing_to_do_is_quick_and_needs_no_alembic(url):
    """A command's start must not wait for a library that it does not need."""
    Registry(url).close()
    code = f"from models.registry.registry import Registry; Registry({url!r}).close()"
    code += "; import sys; assert 'alembic' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[4])
    engine = open_database(url)
    create_schema(engine)
    statements = []
    sa.event.listen(engine, "before_cursor_execute", lambda *about: statements.append(about[2]))
    create_schema(engine)
    assert 0 < len(statements) <= 5, statements
    assert not [one for one in statements if one.startswith(("CREATE", "ALTER", "INSERT", "UPDATE"))]
    engine.dispose()


def test_a_database_that_cannot_be_written_is_told(tmp_path):
    """As an error of ours."""
    (tmp_path / "file").write_text("no database")
    engine = open_database(f"sqlite:///{tmp_path / 'file'}")
    with pytest.raises(DatabaseError):
        create_schema(engine)
    engine.dispose()
