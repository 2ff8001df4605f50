"""The database's tables of answered predictions; they are created with those of the registry."""

from __future__ import annotations

import sqlalchemy as sa

from models.registry_tables import metadata

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
    sa.Column("latency", sa.Integer, nullable=False),  # in microseconds: from there to the answer, not yet stored
    sa.Column("key_id", sa.String, nullable=False),  # empty where nobody needs a key
    sa.Column("reasons", sa.String, nullable=False),
    sa.Column("n_rows", sa.Integer, nullable=False),
    sa.Column("request", sa.Text, nullable=False),
    sa.Column("features_digest", sa.String, nullable=False),  # empty for what is no row
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("n_bytes", sa.Integer, nullable=False),
    sa.Index("predictions_by_time", "model", "at", "n_bytes"),
)
"""One row for each request, see `models.predictions.record.PredictionRecord`."""
audit_settings = sa.Table(
    "audit_settings",
    metadata,
    sa.Column("model", sa.String, primary_key=True),
    sa.Column("level", sa.String, nullable=False),
    sa.Column("sample", sa.Float, nullable=False),
    sa.Column("keep_days", sa.Float),
    sa.Column("keep_megabytes", sa.Float),
)
"""How predictions of a model are recorded; a model without a row has the defaults of `AuditSettings`."""
