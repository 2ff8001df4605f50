"""Alerts name subjects, labels name positives, and `alembic_version` alone holds the revision."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Rename two columns with the indexes over them, and drop the table of revisions before 0004."""
    op.drop_index("alerts_by_card", "alerts")
    op.drop_index("alerts_one_open_for_a_card", "alerts")
    op.alter_column("alerts", "card", new_column_name="subject")
    op.create_index("alerts_by_subject", "alerts", ["model", "subject"])
    only_open = sa.text("status = 'open'")
    op.create_index(
        "alerts_one_open_for_a_subject",
        "alerts",
        ["model", "subject"],
        unique=True,
        sqlite_where=only_open,
        postgresql_where=only_open,
    )
    op.alter_column("event_labels", "fraud", new_column_name="positive")
    op.execute("DROP TABLE IF EXISTS registry_schema")
