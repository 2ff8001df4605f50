"""Every table of the database, created by `models.registry.database.migrations`."""

from __future__ import annotations

import sqlalchemy as sa

from data.window_events import FOREVER
from models.registry.database.engine import UtcDateTime

metadata = sa.MetaData()
versions = sa.Table(
    "versions",
    metadata,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("version", sa.Integer, sa.CheckConstraint("version >= 1"), primary_key=True, autoincrement=False),
    sa.Column("domain", sa.String, nullable=False),
    sa.Column("digest", sa.String, nullable=False),
    sa.Column("created", UtcDateTime, nullable=False),
    sa.Column("created_by", sa.String, nullable=False),
    sa.Column("metrics", sa.JSON, nullable=False),
)
aliases = sa.Table(
    "aliases",
    metadata,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("alias", sa.String, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.ForeignKeyConstraint(["name", "version"], ["versions.name", "versions.version"]),
)
history = sa.Table(
    "history",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("name", sa.String, nullable=False, index=True),
    sa.Column("action", sa.String, nullable=False),
    sa.Column("alias", sa.String),
    sa.Column("from_version", sa.Integer),
    sa.Column("to_version", sa.Integer, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("why", sa.String, nullable=False),
)
policies = sa.Table(
    "policies",
    metadata,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("number", sa.Integer, sa.CheckConstraint("number >= 1"), primary_key=True, autoincrement=False),
    sa.Column("domain", sa.String, nullable=False),
    sa.Column("content", sa.JSON, nullable=False),
    sa.Column("created", UtcDateTime, nullable=False),
    sa.Column("created_by", sa.String, nullable=False),
    sa.Column("why", sa.String, nullable=False),
    sa.Column("model_version", sa.Integer, nullable=False),
    sa.Column("simulation", sa.JSON, nullable=False),
    sa.ForeignKeyConstraint(["name", "model_version"], ["versions.name", "versions.version"]),
)
active_policies = sa.Table(
    "active_policies",
    metadata,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.ForeignKeyConstraint(["name", "number"], ["policies.name", "policies.number"]),
)


events = sa.Table(
    "events",
    metadata,
    sa.Column("model", sa.String, primary_key=True),
    sa.Column("event_id", sa.String, primary_key=True),
    sa.Column("time", sa.BigInteger, nullable=False),  # in whole seconds since 1970, UTC
    sa.Column("row", sa.Text, nullable=False),
    sa.Column("answer", sa.Text),  # null for loaded history
    sa.Column("received", UtcDateTime, nullable=False),
    sa.Index("events_by_time", "model", "time"),
)

event_streams = sa.Table(
    "event_streams",
    metadata,
    sa.Column("model", sa.String, primary_key=True),
    sa.Column("kept_from", sa.BigInteger, nullable=False),  # older events have been deleted
    sa.Column("n_series", sa.Integer, nullable=False),  # a process that knows fewer reads the series again
)

NOTHING_ROLLED_OUT = -FOREVER

event_series = sa.Table(
    "event_series",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("model", sa.String, nullable=False),
    sa.Column("entity", sa.String, nullable=False),
    sa.Column("amount", sa.String),
    sa.Column("scale", sa.Float, nullable=False),
    sa.Column("other", sa.String),
)
"""The contents of `event_entities`, see `models.records.events.entity_series`: series of all versions are kept up to
date, so that any version finds complete windows when it goes live."""

event_entities = sa.Table(
    "event_entities",
    metadata,
    sa.Column("series", sa.Integer, sa.ForeignKey("event_series.id"), primary_key=True),
    sa.Column("value", sa.String, primary_key=True),
    sa.Column("time", sa.BigInteger, primary_key=True),
    sa.Column("event_id", sa.String, primary_key=True),
    sa.Column("amount", sa.BigInteger),  # see `data.window_events.whole_number`
    sa.Column("other", sa.String),
    sqlite_with_rowid=False,  # clustered in the order in which windows read them
)

event_labels = sa.Table(
    "event_labels",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("model", sa.String, nullable=False),
    sa.Column("event_id", sa.String, nullable=False),
    sa.Column("positive", sa.Boolean),  # null retracts earlier ones
    sa.Column("known", sa.BigInteger, nullable=False),  # in whole seconds since 1970, UTC
    sa.Column("source", sa.String, nullable=False),
    sa.Index("event_labels_by_event", "model", "event_id"),
)
"""Outcomes of events, append-only: the latest label of an event holds, from the time it was known."""

event_rule_hits = sa.Table(
    "event_rule_hits",
    metadata,
    sa.Column("model", sa.String, primary_key=True),
    sa.Column("rule", sa.String, primary_key=True),
    sa.Column("time", sa.BigInteger, primary_key=True),  # of the event
    sa.Column("event_id", sa.String, primary_key=True),
    sa.Index("event_rule_hits_by_time", "model", "time"),
)

alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("model", sa.String, nullable=False),
    sa.Column("subject", sa.String),  # null for an event without one, which has an alert of its own
    sa.Column("status", sa.String, nullable=False),  # "open", or the last verdict
    sa.Column("opened", UtcDateTime, nullable=False),
    sa.Column("closed", UtcDateTime),  # when the last verdict was given
    sa.Column("snoozed_until", UtcDateTime),
    sa.Column("follows", sa.BigInteger),  # the subject's previous, unsure alert, whose events this one includes
    sa.Column("n_events", sa.Integer, nullable=False),
    sa.Column("last_event", sa.BigInteger, nullable=False),  # the latest time of its events
    sa.Column("expected_loss", sa.Float, nullable=False),  # of its worst event
    sa.Column("worst_event", sa.String, nullable=False),
    sa.Column("worst_answer", sa.Text, nullable=False),  # kept here, since events may be deleted before the alert
    sa.Index("alerts_by_subject", "model", "subject"),
    sa.Index("alerts_by_loss", "model", "status", "expected_loss"),
)

sa.Index(
    "alerts_one_open_for_a_subject",
    alerts.c.model,
    alerts.c.subject,
    unique=True,
    sqlite_where=alerts.c.status == "open",
    postgresql_where=alerts.c.status == "open",
)

alert_events = sa.Table(
    "alert_events",
    metadata,
    sa.Column("alert", sa.ForeignKey("alerts.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("event_id", sa.String, primary_key=True),
    sa.Column("model", sa.String, nullable=False),
    sa.Column("time", sa.BigInteger, nullable=False),  # of the event
    sa.Index("alert_events_by_time", "model", "time"),
)
"""The events of an alert, while they are stored."""

alert_verdicts = sa.Table(
    "alert_verdicts",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("alert", sa.ForeignKey("alerts.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("verdict", sa.String, nullable=False),
    sa.Column("by", sa.String, nullable=False),
    sa.Column("note", sa.String, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
)
"""Verdicts on alerts, append-only: the latest holds."""


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
"""Rows are never deleted, so that key ids in the audit log lead to a name."""


outcomes = sa.Table(
    "outcomes",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("model", sa.String, nullable=False),
    sa.Column("prediction_id", sa.String, nullable=False),
    sa.Column("outcome", sa.Boolean),  # of an event; null with a null value retracts earlier ones
    sa.Column("observed", sa.BigInteger, nullable=False),  # in milliseconds since 1970, UTC
    sa.Column("received", sa.BigInteger, nullable=False),  # likewise
    sa.Column("key_id", sa.String, nullable=False),  # of the caller; empty without authentication
    sa.Column("value", sa.JSON(none_as_null=True)),  # a level or a number, where no event was predicted
    sa.Index("outcomes_by_prediction", "model", "prediction_id"),
)
"""Append-only: the outcome observed last holds, and of those the one received last."""


conversation_messages = sa.Table(
    "conversation_messages",
    metadata,
    sa.Column("model", sa.String, primary_key=True),
    sa.Column("session", sa.String, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("message_id", sa.String),  # of the caller; null if it gave none
    sa.Column("contents", sa.String, nullable=False),  # a hash of the body, to tell a repeat from another message
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("memory", sa.Text, nullable=False),  # after this message
    sa.Column("until", sa.BigInteger, nullable=False),  # in milliseconds since 1970, UTC: when it may be forgotten
    sa.Index("conversation_messages_by_id", "model", "session", "message_id", unique=True),
    sa.Index("conversation_messages_by_time", "until"),
)
"""The messages of sessions that are not yet forgotten, see `models.records.conversations`."""


predictions = sa.Table(
    "predictions",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),  # a shadow answers beside the champion
    sa.Column("model", sa.String, nullable=False),
    sa.Column("policy_version", sa.Integer, nullable=False),
    sa.Column("role", sa.String, nullable=False),
    sa.Column("action", sa.String, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),  # in milliseconds since 1970, UTC: when the request came
    sa.Column("latency", sa.Integer, nullable=False),  # in microseconds, from there to the answer, without storing
    sa.Column("key_id", sa.String, nullable=False),  # empty without authentication
    sa.Column("reasons", sa.String, nullable=False),
    sa.Column("n_rows", sa.Integer, nullable=False),
    sa.Column("request", sa.Text, nullable=False),
    sa.Column("features_digest", sa.String, nullable=False),  # empty without a row
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("n_bytes", sa.Integer, nullable=False),
    sa.Index("predictions_by_time", "model", "at", "n_bytes"),
)
"""One row for each request, see `models.records.audit_log.record.PredictionRecord`."""

audit_settings = sa.Table(
    "audit_settings",
    metadata,
    sa.Column("model", sa.String, primary_key=True),
    sa.Column("level", sa.String, nullable=False),
    sa.Column("sample", sa.Float, nullable=False),
    sa.Column("keep_days", sa.Float),
    sa.Column("keep_megabytes", sa.Float),
)
"""Audit settings; a model without a row has the defaults of `AuditSettings`."""


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
"""The present challenger of each model; earlier ones are in the history."""
