"""Migrations: how a database of any earlier backscore becomes one of this.

To change the schema, change the tables' description in its module, and add a file to `versions`: the next number, the
one before as its `down_revision`, and an `upgrade` that makes the change with `alembic.op`. A test compares what the
migrations lead to with what is described. A file that has been released stays as it is. There is no way down: who wants
the schema of before restores the backup of before.

The database's revision stands in `alembic_version`. Before revision 0004 it stood in `registry_schema`, whose row stays
at 4, so that a backscore of then refuses the database instead of taking it for an empty one.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from models.errors import DatabaseError
from models.registry.database.engine import reading, writing

FOLDER = Path(__file__).parent

_revisions = sa.Table("alembic_version", sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True))
_registry_schema = sa.table("registry_schema", sa.column("version", sa.Integer))


@cache
def newest_revision() -> str:
    """The revision that this backscore works with."""
    return max(path.stem[1:5] for path in (FOLDER / "versions").glob("v*_*.py"))


def revision_of(connection: sa.Connection) -> str | None:
    """The database's revision; None if it is empty."""
    inspector = sa.inspect(connection)
    if inspector.has_table(_revisions.name):
        return connection.scalar(sa.select(_revisions.c.version_num))
    if inspector.has_table(_registry_schema.name):
        version: int = connection.execute(sa.select(_registry_schema.c.version)).scalar_one()
        return f"{version:04}"
    return None


def create_schema(engine: sa.Engine) -> None:
    """Bring the database to the newest revision, once even if several processes start together; all rows stay.

    Raises
    ------
    DatabaseError
        It is of a newer backscore, or cannot be written; a change that fails half-way leaves everything as it was.
    """
    with reading(engine) as connection:
        revision = revision_of(connection)
    if revision is None or revision < newest_revision():
        with writing(engine) as connection:
            revision = revision_of(connection)
            if revision is None or revision < newest_revision():
                upgrade(connection, newest_revision())
                return
    if revision > newest_revision():
        raise DatabaseError(
            f"the database has schema {revision}, this backscore knows {newest_revision()}; upgrade backscore"
        )


def upgrade(connection: sa.Connection, to: str) -> None:
    """Change the schema to a later revision, in the transaction that has begun."""
    # alembic takes its time to import, and most processes find nothing to do
    from alembic.config import Config  # noqa: PLC0415
    from alembic.runtime.environment import EnvironmentContext  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    script = ScriptDirectory.from_config(config)
    _adopt(connection)

    def steps(revision: Any, _context: object) -> Any:
        return script._upgrade_revs(to, revision)

    with EnvironmentContext(config, script, fn=steps, destination_rev=to) as environment:
        environment.configure(connection=connection)
        environment.run_migrations()


def _adopt(connection: sa.Connection) -> None:
    """Write down the revision of a database of a backscore that did not know revisions."""
    revision = revision_of(connection)
    if revision is not None and not sa.inspect(connection).has_table(_revisions.name):
        _revisions.create(connection)
        connection.execute(_revisions.insert().values(version_num=revision))
