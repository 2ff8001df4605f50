"""The database's table of rollouts; it is created with those of the registry."""

from __future__ import annotations

import sqlalchemy as sa

from models.database import UtcDateTime
from models.registry_tables import metadata

rollouts = sa.Table(
    "rollouts",
    metadata,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("mode", sa.String, nullable=False),
    sa.Column("share", sa.Float, nullable=False),  # 0 in shadow mode
    sa.Column("started", UtcDateTime, nullable=False),
    sa.Column("started_by", sa.String, nullable=False),
    sa.ForeignKeyConstraint(["name", "version"], ["versions.name", "versions.version"]),
)
"""Who challenges the champion of a model now; who did before stands in the history."""
