"""The figures that a domain watches itself, over recently answered rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from models.contract import Answered, Figure, LiveModel
from models.records.audit_log.log import PredictionLog, actions_on_rows
from models.records.audit_log.sampling import sample
from models.records.outcomes.known import with_outcomes
from models.registry.database import schema as tables

MAX_ROWS = 20_000
"""Size of the uniform sample of more rows."""
_predictions = tables.predictions


def own_figures(engine: sa.Engine, live: LiveModel, *, since: datetime, until: datetime) -> Sequence[Figure]:
    """The figures over the rows answered from `since` to `until` (exclusive); none if the domain watches none."""
    if live.domain.watch is None:
        return ()
    actions = actions_on_rows(live.domain)
    wanted = [_predictions.c.role.in_(("champion", "canary")), _predictions.c.action.in_(actions)]
    sampled = sample(engine, live.name, wanted, since=since, until=until, most_rows=MAX_ROWS)
    recorded = PredictionLog(engine).predictions(
        live.name, since=since, until=until, actions=actions, only=sampled.only, at_once=sampled.at_once
    )
    chosen = (one for one in recorded if sampled.takes(one.id))
    judged = with_outcomes(engine, live.name, live.table, chosen, now=until)
    return live.domain.watch.figures(live, [Answered(one.row, one.answer, outcome) for one, outcome in judged])
