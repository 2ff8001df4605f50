"""Conversations: messages whose session is remembered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add their table."""
    op.create_table(
        "conversation_messages",
        sa.Column("model", sa.String, primary_key=True),
        sa.Column("session", sa.String, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("message_id", sa.String),
        sa.Column("contents", sa.String, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("memory", sa.Text, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
    )
    name = "conversation_messages"
    op.create_index(f"{name}_by_id", name, ["model", "session", "message_id"], unique=True)
    op.create_index(f"{name}_by_time", name, ["until"])
