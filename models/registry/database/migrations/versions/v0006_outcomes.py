"""Outcomes of predictions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite counts up only what it calls INTEGER


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "outcomes",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("prediction_id", sa.String(), nullable=False),
        sa.Column("outcome", sa.Boolean(), nullable=True),
        sa.Column("observed", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("outcomes_by_prediction", "outcomes", ["model", "prediction_id"], unique=False)
