"""The registry's tables; `models.migrations` makes them."""

from __future__ import annotations

import sqlalchemy as sa

from models.database import UtcDateTime

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
