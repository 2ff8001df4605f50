"""The schema up to 0007, squashed: databases at 0007 need no change, older ones are refused.

Revision 0007 keeps its number, so that a database written before the squash is recognised as up to date with it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = None
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite autoincrements only INTEGER


def upgrade() -> None:
    """Add every table, referenced ones first."""
    _add_registry()
    _add_policies()
    _add_events()
    _add_predictions()
    _add_keys()
    _add_outcomes()
    _add_rollout()


def _add_registry() -> None:
    """Add versions, aliases and their history."""
    op.create_table(
        "history",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("alias", sa.String(), nullable=True),
        sa.Column("from_version", sa.Integer(), nullable=True),
        sa.Column("to_version", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_history_name", "history", ["name"], unique=False)
    op.create_table(
        "versions",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), sa.CheckConstraint("version >= 1"), autoincrement=False, nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name", "version"),
    )
    op.create_table(
        "aliases",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("alias", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["name", "version"],
            ["versions.name", "versions.version"],
        ),
        sa.PrimaryKeyConstraint("name", "alias"),
    )


def _add_policies() -> None:
    """Add policies, versioned apart from models."""
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


def _add_events() -> None:
    """Add events with what windows read, their labels, and the review queue."""
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


def _add_predictions() -> None:
    """Add the audit log and its settings."""
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


def _add_keys() -> None:
    """Add API keys."""
    op.create_table(
        "keys",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("secret_hash", sa.String(), nullable=False),
        sa.Column("scopes", sa.String(), nullable=False),
        sa.Column("rate", sa.String(), nullable=True),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("revoked", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )


def _add_outcomes() -> None:
    """Add outcomes of predictions."""
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


def _add_rollout() -> None:
    """Add challengers."""
    op.create_table(
        "rollouts",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("share", sa.Float(), nullable=False),
        sa.Column("started", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["name", "version"],
            ["versions.name", "versions.version"],
        ),
        sa.PrimaryKeyConstraint("name"),
    )
