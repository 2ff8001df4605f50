"""Policies, versioned apart from models."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "policies",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), sa.CheckConstraint("number >= 1"), autoincrement=False, nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("model_version", sa.Integer(), nullable=False),
        sa.Column("simulation", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["name", "model_version"],
            ["versions.name", "versions.version"],
        ),
        sa.PrimaryKeyConstraint("name", "number"),
    )
    op.create_table(
        "active_policies",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["name", "number"],
            ["policies.name", "policies.number"],
        ),
        sa.PrimaryKeyConstraint("name"),
    )
    op.execute("UPDATE registry_schema SET version = 2")
