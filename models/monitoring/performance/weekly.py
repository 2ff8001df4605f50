"""Live performance of a model by week: observed from outcomes, and expected without them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from pydantic import BaseModel, Field

from models.contract import Domain, LiveModel, Predictions, Targets, Task
from models.contract.rows import are_known, stacked
from models.evaluation.expected import Expected
from models.evaluation.measures import ExpectedRows, Measures, RowMeasures
from models.records.audit_log.log import PredictionLog
from models.records.audit_log.record import BATCH, SCORE
from models.records.audit_log.sampling import sample
from models.records.outcomes.known import with_outcomes
from models.registry.database import schema as tables

MAX_ROWS = 100_000
"""Size of the uniform sample of more predictions: enough for narrow intervals."""

_predictions = tables.predictions


class Period(BaseModel):
    """Performance in a period."""

    since: date = Field(description="First day, UTC.")
    until: date = Field(description="Day after the last.")
    versions: list[int] = Field(description="The versions that answered.")
    n_predictions: int
    n_known: int = Field(description="Predictions with a known outcome.")
    is_matured: bool = Field(description="Whether all predictions have matured.")
    realised: Measures | RowMeasures | None = Field(
        description="By known outcomes; null before the period has matured."
    )
    expected: Expected | ExpectedRows = Field(description="From the predictions alone, without outcomes.")


class Performance(BaseModel):
    """Live performance of a model."""

    model: str
    share: float = Field(
        description="Approximate share of the predictions that is evaluated; below 1 if there are more than 100,000."
    )
    maturity_days: float = Field(description="Younger predictions do not count yet, even with a known outcome.")
    total: Period | None = Field(description="All matured predictions; null if there are none.")
    by_version: dict[int, Measures | RowMeasures] = Field(description="All matured predictions of each version.")
    by_week: list[Period] = Field(description="Weeks from Monday on, UTC, the oldest first.")
    note: str = Field(description="Caveats.")


@dataclass(frozen=True, eq=False)
class Judged:
    """Predictions in time order, approximately that share of all; targets are NaN where outcomes are unknown."""

    days: npt.NDArray[np.datetime64]
    versions: npt.NDArray[np.int64]
    predictions: Predictions
    targets: Targets
    share: float


def performance(
    engine: sa.Engine,
    live: LiveModel,
    *,
    now: datetime,
    weeks: int = 12,
    maturity_days: float | None = None,
    seed: int = 0,
) -> Performance:
    """Evaluate the recorded predictions of the last weeks, or a sample that fits into memory.

    Parameters
    ----------
    live : the live version; predictions of all versions of its model are evaluated.
    maturity_days : None for the label delay of the table's windows, or the domain's own without windows.

    Raises DatabaseError if the database fails.
    """
    own = live.table.label_delay_days if live.table.windows else live.domain.maturity_days
    matures = own if maturity_days is None else maturity_days
    this_week = now.date() - timedelta(days=now.weekday())
    since = this_week - timedelta(weeks=weeks - 1)
    task, judged = live.domain.task, _judged(engine, live, since, now)
    old_enough = now.date() - timedelta(days=int(np.ceil(matures)))
    starts = [since + timedelta(weeks=i) for i in range(weeks)]
    by_week = [_period(task, judged, start, start + timedelta(weeks=1), old_enough, seed) for start in starts]
    is_old, known = judged.days < np.datetime64(old_enough), are_known(judged.targets)
    total = _period(task, judged, since, old_enough, old_enough, seed) if is_old.any() else None
    by_version = {
        int(version): _measures(task, judged, is_old & known & (judged.versions == version))
        for version in np.unique(judged.versions[is_old])
    }
    return Performance(
        model=live.name,
        share=judged.share,
        maturity_days=matures,
        total=total,
        by_version=by_version,
        by_week=[period for period in by_week if period.n_predictions],
        note=_note(live.domain),
    )


def _judged(engine: sa.Engine, live: LiveModel, since: date, now: datetime) -> Judged:
    """The predictions since a day, with their known outcomes."""
    start = datetime(since.year, since.month, since.day, tzinfo=now.tzinfo)
    until = now + timedelta(milliseconds=1)
    model, domain = live.name, live.domain
    asked = {operation.name: operation.probability for operation in domain.operations if operation.probability}
    actions = (SCORE, BATCH, *asked)
    wanted = [_predictions.c.role.in_(("champion", "canary")), _predictions.c.action.in_(actions)]
    sampled = sample(engine, model, wanted, since=start, until=until, most_rows=MAX_ROWS)
    recorded = PredictionLog(engine).predictions(
        model, since=start, until=until, actions=actions, only=sampled.only, at_once=sampled.at_once
    )
    chosen = (one for one in recorded if sampled.takes(one.id))
    found: list[tuple[date, int, Any, Any]] = []
    for one, outcome in with_outcomes(engine, model, live.table, chosen, now=now):
        prediction = (asked.get(one.action) or domain.task.answered)(one.answer)
        if prediction is not None:
            target = None if outcome is None else domain.task.target_of(live.table, outcome)
            found.append((one.at.date(), one.version, prediction, target))
    days, versions, predictions, targets = zip(*found, strict=True) if found else ((),) * 4
    return Judged(
        np.array(days, "datetime64[D]"),
        np.array(versions, np.int64),
        stacked(predictions),
        stacked(targets),
        sampled.share,
    )


def _period(task: Task, judged: Judged, since: date, until: date, old_enough: date, seed: int) -> Period:
    within = (judged.days >= np.datetime64(since)) & (judged.days < np.datetime64(until))
    known = within & are_known(judged.targets)
    is_matured = until <= old_enough
    return Period(
        since=since,
        until=until,
        versions=np.unique(judged.versions[within]).tolist(),
        n_predictions=int(within.sum()),
        n_known=int(known.sum()),
        is_matured=is_matured,
        realised=_measures(task, judged, known) if is_matured else None,
        expected=task.expected(judged.predictions[within], seed=seed),
    )


def _measures(task: Task, judged: Judged, chosen: npt.NDArray[np.bool_]) -> Measures | RowMeasures:
    measured: Measures | RowMeasures = task.measures(judged.predictions[chosen], judged.targets[chosen])
    return measured


def _note(domain: Domain) -> str:
    """The caveat of selection: observed metrics cover only predictions with outcomes."""
    if domain.favourable:
        return (
            f"Outcomes are known for {domain.favourable!r} decisions only: metrics hold among those, not among all "
            "applications."
        )
    return "Observed metrics leave out predictions without an outcome."
