"""Migrations: bring a database of an earlier revision to this one.

To change the schema, change `models.registry.database.schema` and add a file to `versions`: the next number, the
previous one as its `down_revision`, and an `upgrade` that makes the change with `alembic.op`. A test compares the
result of the migrations with the schema. A released file never changes. There are no downgrades: to go back, restore
the backup that was taken before the upgrade.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from models.errors import DatabaseError
from models.registry.database.engine import open_database, reading, writing
from models.registry.database.schema import metadata

FOLDER = Path(__file__).parent
REVISIONS = tuple(sorted(path.stem[1:5] for path in (FOLDER / "versions").glob("v*_*.py")))
"""Every revision that can be upgraded, from the oldest to the current one."""

_revisions = sa.table("alembic_version", sa.column("version_num"))


@cache
def newest_revision() -> str:
    """The current revision."""
    return REVISIONS[-1]


def revision_of(connection: sa.Connection) -> str | None:
    """The database's revision; None without our tables, "unknown" for tables without a revision."""
    inspector = sa.inspect(connection)
    if inspector.has_table(_revisions.name):
        return connection.scalar(sa.select(_revisions.c.version_num))
    return "unknown" if any(map(inspector.has_table, metadata.tables)) else None


def create_schema(engine: sa.Engine) -> None:
    """Upgrade the database to the newest revision, once even if several processes start together; all rows are kept.

    Raises
    ------
    DatabaseError
        Its revision is unknown, newer than this backscore, or too old to be upgraded; or it cannot be written. A failed
        migration leaves the database unchanged.
    """
    with reading(engine) as connection:
        is_current = _checked(revision_of(connection)) == newest_revision()
    if not is_current:
        with writing(engine) as connection:
            if _checked(revision_of(connection)) != newest_revision():
                upgrade(connection, newest_revision())


def create_schema_at(url: str) -> None:
    """The same by URL, without timeouts: a migration takes as long as it takes."""
    engine = open_database(url)
    try:
        create_schema(engine)
    finally:
        engine.dispose()


def _checked(revision: str | None) -> str | None:
    """The revision, if it can be upgraded."""
    if revision is None or revision in REVISIONS:
        return revision
    known = f"the database has schema {revision}, this backscore knows {REVISIONS[0]} to {newest_revision()}"
    if newest_revision() < revision <= "9999":
        raise DatabaseError(f"{known}; upgrade backscore")
    raise DatabaseError(f"{known}; name an empty database in BACKSCORE_DATABASE_URL and train again")


def upgrade(connection: sa.Connection, to: str) -> None:
    """Change the schema to a later revision, in the open transaction."""
    # alembic is slow to import, and most processes need no migration
    from alembic.config import Config  # noqa: PLC0415
    from alembic.runtime.environment import EnvironmentContext  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    script = ScriptDirectory.from_config(config)

    def steps(revision: Any, _context: object) -> Any:
        return script._upgrade_revs(to, revision)

    with EnvironmentContext(config, script, fn=steps, destination_rev=to) as environment:
        environment.configure(connection=connection)
        environment.run_migrations()
