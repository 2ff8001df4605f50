"""Outcomes that are levels or numbers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add their column; outcomes of events keep theirs."""
    op.add_column("outcomes", sa.Column("value", sa.JSON(none_as_null=True)))
