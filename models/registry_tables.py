"""The registry's tables and how they come to be."""

from __future__ import annotations

import sqlalchemy as sa

from models.database import UtcDateTime, reading, writing
from models.errors import DatabaseError

SCHEMA_VERSION = 4
"""1: versions, aliases, history. 2: policies and active_policies came to them. 3: what `models.events.tables` holds.
4: `models.predictions.tables`."""

metadata = sa.MetaData()
registry_schema = sa.Table(
    "registry_schema",
    metadata,
    sa.Column("only_row", sa.Integer, sa.CheckConstraint("only_row = 1"), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
)
versions = sa.Table(
    "versions",
    metadata,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("version", sa.Integer, sa.CheckConstraint("version >= 1"), primary_key=True, autoincrement=False),
    sa.Column("domain", sa.String, nullable=False),
    sa.Column("digest", sa.String, nullable=False),
    sa.Column("created", UtcDateTime, nullable=False),
    sa.Column("created_by", sa.String, nullable=False),
    sa.Column("metrics", sa.JSON, nullable=False),
)
aliases = sa.Table(
    "aliases",
    metadata,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("alias", sa.String, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.ForeignKeyConstraint(["name", "version"], ["versions.name", "versions.version"]),
)
history = sa.Table(
    "history",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("name", sa.String, nullable=False, index=True),
    sa.Column("action", sa.String, nullable=False),
    sa.Column("alias", sa.String),
    sa.Column("from_version", sa.Integer),
    sa.Column("to_version", sa.Integer, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("why", sa.String, nullable=False),
)
policies = sa.Table(
    "policies",
    metadata,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("number", sa.Integer, sa.CheckConstraint("number >= 1"), primary_key=True, autoincrement=False),
    sa.Column("domain", sa.String, nullable=False),
    sa.Column("content", sa.JSON, nullable=False),
    sa.Column("created", UtcDateTime, nullable=False),
    sa.Column("created_by", sa.String, nullable=False),
    sa.Column("why", sa.String, nullable=False),
    sa.Column("model_version", sa.Integer, nullable=False),
    sa.Column("simulation", sa.JSON, nullable=False),
    sa.ForeignKeyConstraint(["name", "model_version"], ["versions.name", "versions.version"]),
)
active_policies = sa.Table(
    "active_policies",
    metadata,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.ForeignKeyConstraint(["name", "number"], ["policies.name", "policies.number"]),
)


def create_schema(engine: sa.Engine) -> None:
    """Create the tables that are absent, once even if several processes start together; all rows stay."""
    with reading(engine) as connection:
        version = _schema_version(connection)
    if version is None or version < SCHEMA_VERSION:
        with writing(engine) as connection:
            version = _schema_version(connection)
            if version is None or version < SCHEMA_VERSION:
                _upgrade(connection, version)
                version = SCHEMA_VERSION
    if version > SCHEMA_VERSION:
        raise DatabaseError(
            f"the database has schema {version}, this backscore knows {SCHEMA_VERSION}; upgrade backscore"
        )


def _upgrade(connection: sa.Connection, version: int | None) -> None:
    """From nothing or an older schema to this one; so far versions differ only by tables that came to them."""
    metadata.create_all(connection)
    if version is None:
        connection.execute(registry_schema.insert().values(only_row=1, version=SCHEMA_VERSION))
    else:
        connection.execute(registry_schema.update().values(version=SCHEMA_VERSION))


def _schema_version(connection: sa.Connection) -> int | None:
    if not sa.inspect(connection).has_table(registry_schema.name):
        return None
    return connection.scalar(sa.select(registry_schema.c.version))
