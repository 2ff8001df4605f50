"""Outcomes of predictions: the one observed last holds, whatever the order in which they arrive."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

import sqlalchemy as sa

from data.table import Table
from models.contract import Task
from models.errors import OutcomeError
from models.records.audit_log.log import Place, PredictionLog
from models.records.audit_log.record import milliseconds
from models.records.outcomes.ledger import Ledger, Outcome
from models.registry.database.engine import take_stock, writing
from models.registry.database.schema import outcomes as _outcomes

MANY = 1_000

PREDICTIONS = Ledger(
    table=_outcomes,
    id="prediction_id",
    flag="outcome",
    number="value",
    known="observed",
    received="received",
    source="key_id",
    tick=milliseconds,
    ticks=1_000,
    latest_arrival_holds=False,
)

Target: TypeAlias = tuple[Task | None, Table]
"""What a model predicts; without a task, whether an event happens."""


@dataclass(frozen=True)
class Taken:
    """The result of storing outcomes: the number of new ones, and the problems of others by position."""

    n_new: int
    problems: dict[int, tuple[str, str]]
    """Position -> (field of the request, problem in words)."""


def take_outcomes(
    engine: sa.Engine, outcomes: Sequence[Outcome], *, now: datetime, targets: Mapping[str, Target]
) -> Taken:
    """Store outcomes of predictions, in one transaction; sending one again changes nothing.

    Parameters
    ----------
    now : time of arrival; none can be observed later.
    targets : by model. Events have labels instead, so outcomes of a model with windows are refused. For models left
        out, an outcome is whether the event happened.

    Raises DatabaseError if the database fails; nothing is stored then.
    """
    recorded = PredictionLog(engine).places([one.id for one in outcomes])
    problems: dict[int, tuple[str, str]] = {}
    by_model: defaultdict[str, list[Outcome]] = defaultdict(list)
    for place, one in enumerate(outcomes):
        found = recorded.get(one.id)
        task, table = targets.get(found.model, (None, None)) if found else (None, None)
        if problem := _problem(one, found, table, now):
            problems[place] = problem
            continue
        assert found is not None  # noqa: S101 - see `_problem`
        try:
            by_model[found.model].append(_read(one, task, table))
        except OutcomeError as error:
            problems[place] = ("outcome", str(error))
    n_new = 0
    if by_model:
        with writing(engine) as connection:
            n_new = sum(PREDICTIONS.add(connection, model, some, now=now) for model, some in by_model.items())
    if n_new >= MANY:  # else PostgreSQL, without statistics of the new ids, reads the whole table for each part
        take_stock(engine, [_outcomes])
    return Taken(n_new, problems)


def _problem(one: Outcome, found: Place | None, table: Table | None, now: datetime) -> tuple[str, str] | None:
    """The reason to refuse an outcome, whatever its value."""
    if found is None:
        return "prediction_id", "is the id of no recorded prediction"
    if table is not None and table.windows:
        path = f"/v1/{found.model}/labels"
        return "prediction_id", f"belongs to a model with labelled events: send it to {path}"
    if one.known is not None and one.known > now:
        return "observed", "must not lie in the future"
    if milliseconds(one.known or now) < found.at:
        return "observed", f"must not lie before the prediction, {found.moment:%Y-%m-%dT%H:%M:%S}Z"
    return None


def _read(one: Outcome, task: Task | None, table: Table | None) -> Outcome:
    """The outcome as a value of its model's target."""
    if one.value is None:
        return one
    return replace(one, value=task.read_outcome(table, one.value) if task and table else bool(one.value))
