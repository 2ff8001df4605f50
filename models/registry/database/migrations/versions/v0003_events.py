"""Events with what windows look back on, their labels, and the review queue."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite counts up only what it calls INTEGER


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "alerts",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("card", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("opened", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed", sa.DateTime(timezone=True), nullable=True),
        sa.Column("snoozed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("follows", sa.BigInteger(), nullable=True),
        sa.Column("n_events", sa.Integer(), nullable=False),
        sa.Column("last_event", sa.BigInteger(), nullable=False),
        sa.Column("expected_loss", sa.Float(), nullable=False),
        sa.Column("worst_event", sa.String(), nullable=False),
        sa.Column("worst_answer", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("alerts_by_card", "alerts", ["model", "card"], unique=False)
    op.create_index("alerts_by_loss", "alerts", ["model", "status", "expected_loss"], unique=False)
    op.create_index(
        "alerts_one_open_for_a_card",
        "alerts",
        ["model", "card"],
        unique=True,
        sqlite_where=sa.text("status = 'open'"),
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_table(
        "event_labels",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("fraud", sa.Boolean(), nullable=True),
        sa.Column("known", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("event_labels_by_event", "event_labels", ["model", "event_id"], unique=False)
    op.create_table(
        "event_rule_hits",
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("model", "rule", "time", "event_id"),
    )
    op.create_index("event_rule_hits_by_time", "event_rule_hits", ["model", "time"], unique=False)
    op.create_table(
        "event_series",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("entity", sa.String(), nullable=False),
        sa.Column("amount", sa.String(), nullable=True),
        sa.Column("scale", sa.Float(), nullable=False),
        sa.Column("other", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "event_streams",
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("kept_from", sa.BigInteger(), nullable=False),
        sa.Column("n_series", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("model"),
    )
    op.create_table(
        "events",
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("row", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("received", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("model", "event_id"),
    )
    op.create_index("events_by_time", "events", ["model", "time"], unique=False)
    op.create_table(
        "alert_events",
        sa.Column("alert", NUMBER, nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["alert"], ["alerts.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("alert", "event_id"),
    )
    op.create_index("alert_events_by_time", "alert_events", ["model", "time"], unique=False)
    op.create_table(
        "alert_verdicts",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("alert", NUMBER, nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["alert"], ["alerts.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_alert_verdicts_alert", "alert_verdicts", ["alert"], unique=False)
    op.create_table(
        "event_entities",
        sa.Column("series", sa.Integer(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("other", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["series"],
            ["event_series.id"],
        ),
        sa.PrimaryKeyConstraint("series", "value", "time", "event_id"),
        sqlite_with_rowid=False,
    )
    op.execute("UPDATE registry_schema SET version = 3")
