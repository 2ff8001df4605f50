"""Performance: how good the live predictions of a model were, week by week, and how good they can be expected to be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from pydantic import BaseModel, Field

from models.contract import Domain, LiveModel, Predictions, Task
from models.evaluation.expected import Expected
from models.evaluation.measures import ExpectedRows, Measures, RowMeasures
from models.records.audit_log.log import PredictionLog
from models.records.audit_log.record import BATCH, SCORE
from models.records.audit_log.sampling import sample
from models.records.outcomes import MATURITY_DAYS, OutcomeStore
from models.registry.database import schema as tables

MAX_ROWS = 100_000
"""Of more, as many are drawn evenly: the intervals of their measures are narrow enough."""

_predictions = tables.predictions


class Period(BaseModel):
    """Predictions of some time."""

    since: date = Field(description="First day, UTC.")
    until: date = Field(description="Day after the last.")
    versions: list[int] = Field(description="The versions that answered.")
    n_predictions: int
    n_known: int = Field(description="Of how many the outcome is known.")
    is_matured: bool = Field(description="Whether all of them are old enough for their outcome to be known.")
    realised: Measures | RowMeasures | None = Field(
        description="By known outcomes; null before the period has matured."
    )
    expected: Expected | ExpectedRows = Field(description="By the predictions alone, of all of them.")


class Performance(BaseModel):
    """How good the live predictions of a model were."""

    model: str
    share: float = Field(
        description="About which share of the predictions is judged; less than 1 where there are more than 100,000."
    )
    maturity_days: float = Field(description="Predictions younger than this do not count yet, whatever is known.")
    total: Period | None = Field(description="All matured predictions; null if there are none.")
    by_version: dict[int, Measures | RowMeasures] = Field(description="The same for each version alone.")
    by_week: list[Period] = Field(description="Weeks from Monday on, UTC, the oldest first.")
    note: str = Field(description="What to keep in mind.")


@dataclass(frozen=True, eq=False)
class Judged:
    """Predictions in the order of time, about that share of all; targets are NaN where outcomes are unknown."""

    days: npt.NDArray[np.datetime64]
    versions: npt.NDArray[np.int64]
    predictions: Predictions
    targets: npt.NDArray[np.float64]
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
    """Judge the recorded predictions of the last weeks, or so many of them that there is room for them.

    Parameters
    ----------
    live : the version that answers; all that answered under its name are judged.
    maturity_days : None for the delay of labels that windows of the table tell, and `MATURITY_DAYS` without windows.

    Raises DatabaseError if the database fails.
    """
    model, domain = live.name, live.domain
    matures = maturity_days
    if matures is None:
        matures = live.table.label_delay_days if live.table.windows else MATURITY_DAYS
    this_week = now.date() - timedelta(days=now.weekday())
    since = this_week - timedelta(weeks=weeks - 1)
    task, judged = domain.task, _judged(engine, live, since, now)
    old_enough = now.date() - timedelta(days=int(np.ceil(matures)))
    by_week = []
    for start in (since + timedelta(weeks=i) for i in range(weeks)):
        period = _period(task, judged, start, start + timedelta(weeks=1), old_enough, seed)
        if period.n_predictions:
            by_week.append(period)
    is_old, known = judged.days < np.datetime64(old_enough), ~np.isnan(judged.targets)
    total = _period(task, judged, since, old_enough, old_enough, seed) if is_old.any() else None
    by_version = {
        int(version): _measures(task, judged, is_old & known & (judged.versions == version))
        for version in np.unique(judged.versions[is_old])
    }
    return Performance(
        model=model,
        share=judged.share,
        maturity_days=matures,
        total=total,
        by_version=by_version,
        by_week=by_week,
        note=_note(domain),
    )


def _judged(engine: sa.Engine, live: LiveModel, since: date, now: datetime) -> Judged:
    """The predictions since a day, with their outcomes as far as they are known."""
    start = datetime(since.year, since.month, since.day, tzinfo=now.tzinfo)
    until = now + timedelta(milliseconds=1)
    model, domain = live.name, live.domain
    asked = {operation.name: operation.probability for operation in domain.operations if operation.probability}
    actions = (SCORE, BATCH, *asked)
    wanted = [_predictions.c.role.in_(("champion", "canary")), _predictions.c.action.in_(actions)]
    sampled = sample(engine, model, wanted, since=start, until=until, most_rows=MAX_ROWS)
    found: list[tuple[str, Any, int, Any]] = []
    for one in PredictionLog(engine).predictions(
        model, since=start, until=until, actions=actions, only=sampled.only, at_once=sampled.at_once
    ):
        tell = asked.get(one.action)
        prediction = (tell or domain.task.answered)(one.answer)
        if prediction is not None and sampled.takes(one.id):
            found.append((one.id, one.at.date(), one.version, prediction))
    ids, days, versions, predictions = zip(*found, strict=True) if found else ((),) * 4
    known = {
        name: domain.task.target_of(live.table, one) for name, one in OutcomeStore(engine).known(model, ids).items()
    }
    return Judged(
        np.array(days, "datetime64[D]"),
        np.array(versions, np.int64),
        np.array(predictions, np.float64),
        np.array([known.get(one, np.nan) for one in ids], np.float64),
        sampled.share,
    )


def _period(task: Task, judged: Judged, since: date, until: date, old_enough: date, seed: int) -> Period:
    within = (judged.days >= np.datetime64(since)) & (judged.days < np.datetime64(until))
    known = within & ~np.isnan(judged.targets)
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
    """Whose outcomes are known decides what they can tell."""
    if domain.favourable:
        return (
            f"Outcomes are known for {domain.favourable!r} decisions only: metrics hold among those, not among all "
            "applications."
        )
    return "Observed metrics leave out predictions without an outcome."
