"""The database's table of outcomes; it is created with those of the registry."""

from __future__ import annotations

import sqlalchemy as sa

from models.registry_tables import metadata

outcomes = sa.Table(
    "outcomes",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("model", sa.String, nullable=False),
    sa.Column("prediction_id", sa.String, nullable=False),
    sa.Column("outcome", sa.Boolean),  # null takes back what was said before
    sa.Column("observed", sa.BigInteger, nullable=False),  # in milliseconds since 1970, UTC
    sa.Column("received", sa.BigInteger, nullable=False),  # likewise
    sa.Column("key_id", sa.String, nullable=False),  # of who said so; empty where nobody needs a key
    sa.Index("outcomes_by_prediction", "model", "prediction_id"),
)
"""Only ever added to: of several outcomes of one prediction the one observed last holds, of those the one said last."""
