"""The audit log of answered predictions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "audit_settings",
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("sample", sa.Float(), nullable=False),
        sa.Column("keep_days", sa.Float(), nullable=True),
        sa.Column("keep_megabytes", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("model"),
    )
    op.create_table(
        "predictions",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("latency", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("reasons", sa.String(), nullable=False),
        sa.Column("n_rows", sa.Integer(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("features_digest", sa.String(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("n_bytes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", "version"),
    )
    op.create_index("predictions_by_time", "predictions", ["model", "at", "n_bytes"], unique=False)
    op.execute("UPDATE registry_schema SET version = 4")  # the last: see models.registry.database.migrations
