"""The database's tables of events; they are created with those of the registry."""

from __future__ import annotations

import sqlalchemy as sa

from data.windows import FOREVER
from models.database import UtcDateTime
from models.registry_tables import metadata

events = sa.Table(
    "events",
    metadata,
    sa.Column("model", sa.String, primary_key=True),
    sa.Column("event_id", sa.String, primary_key=True),
    sa.Column("time", sa.BigInteger, nullable=False),  # in whole seconds since 1970, UTC
    sa.Column("row", sa.Text, nullable=False),
    sa.Column("answer", sa.Text),  # null for history that was loaded and never asked about
    sa.Column("received", UtcDateTime, nullable=False),
    sa.Index("events_by_time", "model", "time"),
)
event_streams = sa.Table(
    "event_streams",
    metadata,
    sa.Column("model", sa.String, primary_key=True),
    sa.Column("kept_from", sa.BigInteger, nullable=False),  # older events have rolled out
    sa.Column("n_series", sa.Integer, nullable=False),  # whoever knows fewer looks again
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
"""What the rows of `event_entities` hold, see `models.events.series.Series`: those of all versions of a model are kept
up, so that each finds its windows full when it comes to answer."""
event_entities = sa.Table(
    "event_entities",
    metadata,
    sa.Column("series", sa.Integer, sa.ForeignKey("event_series.id"), primary_key=True),
    sa.Column("value", sa.String, primary_key=True),
    sa.Column("time", sa.BigInteger, primary_key=True),
    sa.Column("event_id", sa.String, primary_key=True),
    sa.Column("amount", sa.BigInteger),  # as `data.windows.whole_number` makes it
    sa.Column("other", sa.String),
    sqlite_with_rowid=False,  # rows lie in the order in which windows read them
)
event_labels = sa.Table(
    "event_labels",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("model", sa.String, nullable=False),
    sa.Column("event_id", sa.String, nullable=False),
    sa.Column("fraud", sa.Boolean, nullable=False),
    sa.Column("known", sa.BigInteger, nullable=False),  # in whole seconds since 1970, UTC
    sa.Column("source", sa.String, nullable=False),
    sa.Index("event_labels_by_event", "model", "event_id"),
)
"""What became of events, only ever added to: of several labels of one event the latest holds from when it was known."""
