"""OutcomeStore: the outcomes of predictions, sent once or several times, in any order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeAlias

import sqlalchemy as sa

from models.clock import Clock, utc_now
from models.errors import OutcomeError
from models.records.audit_log.log import PredictionLog
from models.records.audit_log.record import milliseconds
from models.registry.database.engine import parts_of, reading, take_stock, writing
from models.registry.database.schema import outcomes

MANY = 1_000

MATURITY_DAYS = 30.0
"""Default age at which the outcome of a prediction counts as final."""


Told: TypeAlias = bool | float | str


@dataclass(frozen=True)
class Outcome:
    """The outcome of one prediction.

    Parameters
    ----------
    outcome : whether the event happened, or the observed level or number; None retracts earlier outcomes.
    observed : time of the observation; None for now, unless the outcome is already known.
    """

    prediction_id: str
    outcome: Told | None
    observed: datetime | None


@dataclass(frozen=True)
class Taken:
    """The result of storing outcomes: the number of new ones, and the problems of others by position."""

    n_new: int
    problems: dict[int, tuple[str, str]]
    """Position -> (field, problem in words)."""


class OutcomeStore:
    """Stores outcomes, and reads the valid ones.

    Parameters
    ----------
    engine : of a database with the tables of the registry.
    now : clock for the arrival of outcomes; none can be observed later.

    Raises DatabaseError from any method if the database fails; nothing is half-written then.
    """

    def __init__(self, engine: sa.Engine, *, now: Clock = utc_now) -> None:
        self._engine, self._now = engine, now
        self._log = PredictionLog(engine)

    def take(
        self,
        told: Sequence[Outcome],
        *,
        key_id: str,
        labelled: frozenset[str] = frozenset(),
        read: Mapping[str, Callable[[Any], Told]] | None = None,
    ) -> Taken:
        """Store outcomes, in one transaction; sending one again changes nothing.

        Parameters
        ----------
        key_id : the caller's key.
        labelled : models whose events have labels instead; their outcomes are refused.
        read : parser by model; raises OutcomeError for an outcome outside of its target's values. For other models
            an outcome is whether the event happened.
        """
        now = self._now()
        made = self._log.places([one.prediction_id for one in told])
        problems: dict[int, tuple[str, str]] = {}
        good: list[tuple[str, Outcome]] = []
        for place, one in enumerate(told):
            found = made.get(one.prediction_id)
            if found is None:
                problems[place] = ("prediction_id", "is the id of no recorded prediction")
            elif found.model in labelled:
                path = f"/v1/{found.model}/labels"
                problems[place] = ("prediction_id", f"belongs to a model with labelled events: send it to {path}")
            elif one.observed is not None and one.observed > now:
                problems[place] = ("observed", "must not lie in the future")
            elif milliseconds(one.observed or now) < found.at:
                problems[place] = ("observed", f"must not lie before the prediction, {found.moment:%Y-%m-%dT%H:%M:%S}Z")
            else:
                try:
                    good.append((found.model, _read(one, (read or {}).get(found.model, bool))))
                except OutcomeError as error:
                    problems[place] = ("outcome", str(error))
        return Taken(self._add(good, key_id, milliseconds(now)) if good else 0, problems)

    def _add(self, good: Sequence[tuple[str, Outcome]], key_id: str, received: int) -> int:
        """Store the new ones; returns their number."""
        with writing(self._engine) as connection:
            known: set[tuple[str, Told | None, int]] = set()
            holding: dict[str, Told | None] = {}
            models = sorted({model for model, _ in good})  # the index begins with them
            for some in parts_of([one.prediction_id for _, one in good]):
                query = sa.select(outcomes.c.prediction_id, outcomes.c.outcome, outcomes.c.value, outcomes.c.observed)
                query = query.where(outcomes.c.model.in_(models))
                query = query.where(outcomes.c.prediction_id.in_(some)).order_by(outcomes.c.observed, outcomes.c.id)
                rows = connection.execute(query).all()
                known |= {(row.prediction_id, _told(row), row.observed) for row in rows}
                holding |= {row.prediction_id: _told(row) for row in rows}
            new = []
            for model, one in good:
                name, outcome = one.prediction_id, one.outcome
                if one.observed is None and name in holding and holding[name] == outcome:
                    continue  # a late retry must not override a correction
                said = (name, outcome, received if one.observed is None else milliseconds(one.observed))
                if said not in known:
                    known.add(said)
                    if one.observed is None:
                        holding[name] = outcome
                    new.append(
                        {
                            "model": model,
                            "prediction_id": one.prediction_id,
                            **_stored(one.outcome),
                            "observed": said[2],
                            "received": received,
                            "key_id": key_id,
                        }
                    )
            if new:
                connection.execute(outcomes.insert(), new)
        if len(new) >= MANY:  # else PostgreSQL, without statistics of the new ids, reads the whole table for each part
            take_stock(self._engine, [outcomes])
        return len(new)

    def known(self, model: str, ids: Sequence[str] | None = None, *, until: datetime | None = None) -> dict[str, Any]:
        """The valid outcomes by prediction id, without retracted ones.

        Parameters
        ----------
        ids : of predictions; None for all of the model.
        until : later outcomes are left out; None for no limit.
        """
        query = sa.select(outcomes.c.prediction_id, outcomes.c.outcome, outcomes.c.value).where(
            outcomes.c.model == model
        )
        if until is not None:
            query = query.where(outcomes.c.received <= milliseconds(until))
        query = query.order_by(outcomes.c.observed, outcomes.c.id)
        parts = [query] if ids is None else [query.where(outcomes.c.prediction_id.in_(some)) for some in parts_of(ids)]
        latest: dict[str, Told | None] = {}
        with reading(self._engine) as connection:
            for part in parts:
                latest |= {row.prediction_id: _told(row) for row in connection.execute(part)}
        return {name: outcome for name, outcome in latest.items() if outcome is not None}


def _read(one: Outcome, read: Callable[[Any], Told]) -> Outcome:
    """The outcome as a value of its model's target."""
    return one if one.outcome is None else replace(one, outcome=read(one.outcome))


def _told(row: Any) -> Told | None:
    """The outcome of a stored row."""
    told: Told | None = row.outcome if row.value is None else row.value
    return told


def _stored(outcome: Told | None) -> dict[str, Any]:
    """An outcome in its columns."""
    is_event = outcome is None or isinstance(outcome, bool)
    return {"outcome": outcome if is_event else None, "value": None if is_event else outcome}


def in_order_of_arrival(engine: sa.Engine, model: str, since: datetime) -> Iterator[tuple[str, Any]]:
    """Predictions with their present outcome, in the order of arrival of their first outcome.

    Later outcomes do not change that order, so a sequential test may look at any time.

    Parameters
    ----------
    since : predictions whose first outcome arrived earlier are left out.
    """
    holding = OutcomeStore(engine).known(model)
    first = sa.func.min(outcomes.c.id).label("first")
    query = (
        sa.select(outcomes.c.prediction_id, first, sa.func.min(outcomes.c.received).label("received"))
        .where(outcomes.c.model == model)
        .group_by(outcomes.c.prediction_id)
        .order_by(first)
    )
    with reading(engine) as connection:
        rows = connection.execute(query).all()
    for row in rows:
        if row.received >= milliseconds(since) and row.prediction_id in holding:
            yield row.prediction_id, holding[row.prediction_id]
