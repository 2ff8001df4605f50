"""The database's table of keys; it is created with those of the registry."""

from __future__ import annotations

import sqlalchemy as sa

from models.database import UtcDateTime
from models.registry_tables import metadata

keys = sa.Table(
    "keys",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False, unique=True),
    sa.Column("secret_hash", sa.String, nullable=False),
    sa.Column("scopes", sa.String, nullable=False),
    sa.Column("rate", sa.String),
    sa.Column("expires", UtcDateTime),
    sa.Column("created", UtcDateTime, nullable=False),
    sa.Column("created_by", sa.String, nullable=False),
    sa.Column("revoked", UtcDateTime),
    sa.Column("revoked_by", sa.String),
)
"""Rows stay for ever, so that the audit log's key ids lead to a name."""
