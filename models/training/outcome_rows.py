"""Recorded predictions with known outcomes, as training rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from data.errors import SourceError
from data.table import Table
from models.contract import Domain
from models.records.audit_log.log import PredictionLog
from models.records.events.history import rows_as_frame, spelled_outcomes, with_levels_of
from models.records.outcomes import MATURITY_DAYS, OutcomeStore
from models.training.rows import TrainingRows, split_for


def rows_with_outcomes(
    engine: sa.Engine, model: str, table: Table, domain: Domain, *, now: datetime, maturity_days: float = MATURITY_DAYS
) -> TrainingRows:
    """The recorded rows of a model with a matured outcome.

    Parameters
    ----------
    table : of the live version.

    Raises
    ------
    SourceError
        There are none, or the audit log does not hold their values.
    """
    if table.windows:
        raise SourceError(f"{model!r} stores labelled events: train it with --from-events")
    hidden = [column.name for column in table.inputs if column.stored != "plain"]
    if hidden:
        raise SourceError(
            f"column(s) {', '.join(map(repr, hidden))} of {model!r} are not stored in full, so recorded rows cannot be "
            "used for training"
        )
    known = OutcomeStore(engine).known(model, until=now)
    found = [
        one
        for one in PredictionLog(engine).predictions(model, until=now - timedelta(days=maturity_days))
        if one.id in known
    ]
    if not found:
        raise SourceError(
            f"{model!r} has no recorded prediction older than {maturity_days:g} days with a known outcome; send "
            "outcomes with POST /v1/outcomes or `backscore outcomes load`"
        )
    frame = rows_as_frame(table, [dict(one.row) for one in found])
    outcomes = [known[one.id] for one in found]
    spelled = spelled_outcomes(table) if domain.task.is_binary else ()
    frame[table.target.name] = [spelled[one] for one in outcomes] if spelled else outcomes
    kept = replace(table, columns=(*table.inputs, table.target))
    events = f", {sum(outcomes):,} of {len(outcomes):,} with the event" if spelled else ""
    note = f"Rows are those with a known outcome{events}." + (
        f" Only {domain.favourable!r} decisions can have one, so the model is trained on those alone."
        if domain.favourable
        else ""
    )
    return TrainingRows(
        with_levels_of(kept, frame),
        frame,
        f"recorded predictions of {model!r} with their outcomes",
        split_for(kept, domain),
        note,
    )
