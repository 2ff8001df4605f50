"""Recorded predictions with known outcomes, as training rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from data.errors import SourceError
from data.splits import Split
from data.table import Table
from models.contract import Domain
from models.records.audit_log.log import PredictionLog, actions_on_rows
from models.records.events.history import rows_as_frame, spelled_outcomes, with_levels_of
from models.records.outcomes.known import with_outcomes
from models.training.rows import TrainingRows, split_for

N_COPIES = 8
"""How often a corrected row is trained on: from one copy the network knows the level, but is too unsure to decide;
from four on it is sure."""


def rows_with_outcomes(
    engine: sa.Engine, model: str, table: Table, domain: Domain, *, now: datetime, maturity_days: float | None = None
) -> TrainingRows:
    """The recorded rows of a model with a matured outcome, in the order in which they were answered.

    They are split by the row's own time if requests hold it, else in this order: the newest rows are the test set.

    Parameters
    ----------
    table : of the live version.
    maturity_days : None for the domain's own.

    Raises
    ------
    SourceError
        There are none, or the audit log does not hold their values.
    """
    _check(model, table)
    matures = domain.maturity_days if maturity_days is None else maturity_days
    until = now + timedelta(milliseconds=1) - timedelta(days=matures)
    recorded = PredictionLog(engine).predictions(model, until=until, actions=actions_on_rows(domain))
    judged = with_outcomes(engine, model, table, recorded, now=now)
    found = [(dict(one.row), outcome) for one, outcome in judged if outcome is not None]
    if not found:
        raise SourceError(
            f"{model!r} has no recorded prediction older than {matures:g} days with a known outcome; send "
            "outcomes with POST /v1/outcomes or `backscore outcomes load`"
        )
    rows, outcomes = zip(*found, strict=True)
    frame = rows_as_frame(table, rows)
    spelled = dict(zip((False, True), spelled_outcomes(table), strict=True)) if domain.task.is_binary else {}
    frame[table.target.name] = [spelled.get(one, one) for one in outcomes]
    # Only inputs are recorded; the other columns of the table are unknown
    kept = replace(table, columns=(*table.inputs, table.target))
    return TrainingRows(
        with_levels_of(kept, frame),
        frame,
        f"recorded predictions of {model!r} with their outcomes",
        split_for(kept, domain) if kept.time is not None else Split(kind="order"),
        _note(domain, outcomes),
    )


def with_corrections(base: TrainingRows, told: TrainingRows) -> TrainingRows:
    """Rows to train on, with recorded rows and their outcomes added; the added ones test nothing."""
    table, n_told = base.table, len(told.frame)
    added = told.frame.reindex(columns=base.frame.columns)
    if table.weight is not None:
        added[table.weight.name] = base.frame[table.weight.name].mean()
    added = added.loc[added.index.repeat(np.where(added[table.target.name] == table.target.outside, 1, N_COPIES))]
    return replace(
        base,
        frame=pd.concat([base.frame, added], ignore_index=True),
        source=f"{base.source}, and {n_told:,} {told.source}",
        note=f"{base.note} Recorded predictions with their outcomes count {N_COPIES} times, and test nothing.".lstrip(),
        n_train_only=len(added),
    )


def _check(model: str, table: Table) -> None:
    """Raise SourceError if recorded rows of the table cannot be used for training."""
    if table.windows:  # computed when a row is answered, and not recorded with it
        raise SourceError(f"{model!r} stores labelled events: train it with --from-events")
    hidden = [column.name for column in table.inputs if column.stored != "plain"]
    if hidden:
        raise SourceError(
            f"column(s) {', '.join(map(repr, hidden))} of {model!r} are not stored in full, so recorded rows cannot be "
            "used for training"
        )


def _note(domain: Domain, outcomes: Sequence[Any]) -> str:
    """The caveat of selection."""
    events = f", {sum(outcomes):,} of {len(outcomes):,} with the event" if domain.task.is_binary else ""
    note = f"Rows are those with a known outcome{events}."
    if not domain.favourable:
        return note
    return f"{note} Only {domain.favourable!r} decisions can have one, so the model is trained on those alone."
