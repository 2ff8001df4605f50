"""The database's revision stands in `alembic_version` alone."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Drop the table in which revisions before 0004 stood."""
    op.execute("DROP TABLE IF EXISTS registry_schema")
